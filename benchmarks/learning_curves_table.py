"""Make the table and the figure of docs/benchmarks.md from the folders that `learning_curves.py` wrote.

    python benchmarks/learning_curves_table.py curves                                       # table
    python benchmarks/learning_curves_table.py curves --figure docs/images/learning_curves.png

The last column says which step `keep="best"` would keep of those in the table.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import tables  # noqa: F401  one thread, before NumPy is imported
from scipy.stats import spearmanr

from crosstie.training.best_step import MAX_CELLS, link_rank

CODES = {
    "scmodal": ("Config.scmodal()", "#1f5f8b", "-"),
    "scmodal-bfloat16": ('Config.scmodal(), precision="bfloat16"', "#5fa8d3", "-"),
    "scmodal-bfloat16-k5": ('Config.scmodal(), precision="bfloat16", anchor_k=5', "#9a5fb0", "-"),
    "crosstie": ('Config.scmodal(recipe="crosstie")', "#6b9b37", "--"),
    "authors": ("authors' code", "#b3541e", "-"),
}
TICKS = (50, 200, 1000, 3000, 10_000)
START = 100  # before that, every figure falls


def curve(folder: Path) -> pd.DataFrame:
    """Return the curve of a run, with the link rank at each step."""
    found = pd.read_csv(folder / "curve.csv").sort_values("step").set_index("step")
    found.index = found.index.astype(int)
    if not (folder / "linked.npz").is_file():
        return found
    with np.load(folder / "linked.npz") as stored:
        if len(stored.files) != 2:  # a chain of views
            return found
        names = sorted(stored.files, key=lambda name: name.rsplit(" ", 1)[1])
        x, y = (stored[name] for name in names)
    rng = np.random.default_rng(0)
    i, j = (rng.permutation(len(side))[:MAX_CELLS] for side in (x, y))
    for step in found.index:
        with np.load(folder / f"latents_{step}.npz") as stored:
            a, b = (stored[view].astype(np.float32) for view in stored.files)
        found.loc[step, "link rank"] = link_rank(a[i], b[j], x[i], y[j])
    return found


def show(name: str, found: pd.DataFrame) -> None:
    """Print the rows of a run, and how good the criterion is on it."""
    ways = [column for column in found if column.startswith("accuracy ")]
    chosen = found.loc[START:]
    best = int(chosen["link rank"].idxmin()) if "link rank" in chosen else None
    data, code, seed = name.rsplit(" ", 2)
    name = f"{data}, {CODES[code][0]}, {seed}"
    for step, row in chosen.iterrows():
        accuracy = [f"{row[way]:.3f}" for way in ways] if len(ways) == 2 else [f"{row['accuracy']:.3f}", "all pairs"]
        cells = [f"{row['foscttm']:.4f}", *accuracy, f"{row['mixing']:.2f}"]
        rank = "" if best is None else f"{row['link rank']:.4f}{' (kept)' if step == best else ''}"
        print(f"| {name} | {step:,} | {row['cpu']:,.0f} | {' | '.join(cells)} | {rank} |")
    if best is not None and len(chosen) > 2:
        with_foscttm = spearmanr(chosen["link rank"], chosen["foscttm"])[0]
        with_accuracy = spearmanr(chosen["link rank"], chosen["accuracy"])[0]
        print(
            f"\n{name}: link rank keeps step {best:,} ({chosen.foscttm[best]:.4f}; {chosen.accuracy[best]:.3f}); "
            f"lowest FOSCTTM {chosen.foscttm.min():.4f} at {chosen.foscttm.idxmin():,}, highest accuracy "
            f"{chosen.accuracy.max():.3f} at {chosen.accuracy.idxmax():,}, last {chosen.foscttm.iloc[-1]:.4f}; "
            f"{chosen.accuracy.iloc[-1]:.3f}; Spearman correlation with FOSCTTM {with_foscttm:.2f}, accuracy "
            f"{with_accuracy:.2f} over {len(chosen)} rows\n"
        )


def draw(found: dict[str, pd.DataFrame], file: Path) -> None:
    """Draw both scores and the link rank against steps, a column for each data set."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    sets = list(dict.fromkeys(name.split(" ")[0] for name in found))
    figure, axes = plt.subplots(
        3, len(sets), figsize=(3 * len(sets), 6.5), sharex="col", squeeze=False, layout="constrained", dpi=150
    )
    for (name, rows), (_, code, _) in ((item, item[0].rsplit(" ", 2)) for item in found.items()):
        rows, column = rows.loc[50:], sets.index(name.split(" ")[0])
        label, color, line = CODES[code]
        style = {"color": color, "linestyle": line, "marker": "o", "markersize": 3, "linewidth": 1.2, "label": label}
        for ax, score in zip(axes[:, column], ("foscttm", "accuracy", "link rank"), strict=True):
            if score in rows:
                ax.plot(rows.index, rows[score], **style)
    for name, column in zip(sets, axes.T, strict=True):
        column[0].set_title("self-alignment control" if name == "self" else name, fontsize=10)
        column[-1].set_xlabel("step")
        column[0].set_xscale("log")
        column[0].set_xticks(TICKS, [f"{step:,}" for step in TICKS])
        column[0].minorticks_off()
        column[0].set_xlim(40, 1.1 * max(rows.index.max() for of, rows in found.items() if of.split(" ")[0] == name))
        for ax in column:
            ax.spines[["top", "right"]].set_visible(False)
            ax.set_ylim(bottom=0)
    for ax, text in zip(axes[:, 0], ("FOSCTTM (lower is better)", "accuracy", "link rank (no labels)"), strict=True):
        ax.set_ylabel(text)
    handles = {label: one for ax in axes[0] for one, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(file, metadata={"Software": None})


def main() -> None:
    """Print the table of all runs, and draw them if a file is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("curves"))
    parser.add_argument("--figure", type=Path)
    args = parser.parse_args()
    found = {folder.name: curve(folder) for folder in sorted(args.folder.iterdir()) if (folder / "curve.csv").is_file()}
    print(
        "| run, seed | step | CPU seconds | FOSCTTM | accuracy, two directions | | mixing | link rank |\n|---|"
        + "---|" * 7
    )
    for name, rows in found.items():
        show(name, rows)
    if args.figure:
        draw(found, args.figure)


if __name__ == "__main__":
    main()
