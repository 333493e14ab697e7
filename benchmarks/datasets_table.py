"""Print the tables of docs/datasets.md from the registry of public data sets.

python benchmarks/datasets_table.py
"""

from __future__ import annotations

from crosstie.datasets.public.registry import DATASETS


def tables() -> str:
    """Return Markdown: the data sets, then their files."""
    lines = [
        '| name | what | cells | features | `obs["cell_type"]` | download | licence or terms | cite |',
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, d in DATASETS.items():
        features = ", ".join(f"{view} {'–' if n is None else format(n, ',')}" for view, n in d.views.items())
        cells = [
            f"`{name}`",
            f"[{d.title}]({d.page})",
            f"{d.n_cells:,}",
            features,
            d.labels or "none",
            f"{d.megabytes:,.0f} MB",
        ]
        lines.append("| " + " | ".join([*cells, d.licence, d.citation]) + " |")
    lines += ["", "| data set | file | address of its folder | about |", "|---|---|---|---|"]
    for name, d in DATASETS.items():
        for file in d.files:
            where = file.folder or "your own, if you have some"
            size = f"{file.megabytes:,g} MB" if file.folder else ""
            lines.append(f"| `{name}` | `{file.name}` | {where} | {size} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(tables())
