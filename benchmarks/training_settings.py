"""Where does training help? Closed form and `training="full"` from it, in settings that are hard for a linear map.

    CROSSTIE_DATA=... python benchmarks/training_settings.py [--only "few counts" ...] [--data sln_mouse ...]

Prints a Markdown table: setting, data, both scores of the closed form, and the change by training as the mean of paired
differences over seeds ± their standard error. Cells are the same in each view; the pairing and the labels are hidden.
Settings: as it is; counts of which four fifths are lost; half of the linked columns gone; a type that one view lacks;
other proportions, up to 10 : 1; every fifth pair known; three batches with strong effects, told, and 50,000 cells
(simulations).
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tables import show  # noqa: F401  first: it sets the number of threads

sys.path.append(str(Path(__file__).parent / "battery"))

import numpy as np  # isort: skip
import pandas as pd  # isort: skip
import sabotage as s  # isort: skip
from planned_runs import subset  # isort: skip
from tasks import Task, real, simulated, thinned  # isort: skip

import crosstie as xt  # isort: skip

MANY = 50_000  # cells of each view
REAL = ("pbmc10k", "pbmc_wnn", "bmmc_cite_1", "sln_mouse")


@dataclass(frozen=True)
class Setting:
    """A task, and what `integrate` is told beside its views and links."""

    task: Task
    told: Mapping[str, object] = field(default_factory=dict)


def commonest(task: Task, place: int) -> str:
    """Return the type at a place among the most common ones that are named."""
    names = pd.Series(task.label.astype(str)).value_counts().index
    return str([name for name in names if name.lower() != "unknown"][place])


def half_of_links(task: Task, seed: int) -> Setting:
    """Keep half of the linked columns, at random."""
    n_columns = sum(link.pairs["column"].nunique() for link in s.links_of(task))
    return Setting(s.few_links(task, max(1, n_columns // 2), seed))


def some_pairs(task: Task, seed: int) -> Setting:
    """Tell every fifth pair of cells."""
    views = {view: adata.copy() for view, adata in task.views.items()}
    known = np.random.default_rng(seed).random(len(task.label)) < 0.2
    for view, adata in views.items():
        adata.obs_names = [
            f"cell {k}" if known[k] else name for k, name in zip(task.cell[view], adata.obs_names, strict=True)
        ]
    links = [xt.links.by_table(views, *sorted(views, reverse=True)), xt.links.paired(views, *views)]
    return Setting(replace(task, views=views), {"links": links})


SETTINGS: dict[str, Callable[[Task, int], Setting]] = {
    "as it is": lambda task, _: Setting(task),
    "few counts": lambda task, seed: Setting(s.thinned_depth(task, 0.8, seed)),
    "half of the links": half_of_links,
    "a type is missing": lambda task, _: Setting(thinned(task, "rna", (commonest(task, 1),))),
    "other proportions": lambda task, seed: Setting(s.unequal(task, task.label, 10, seed)),
    "a fifth of the pairs": some_pairs,
}


def strong_batches(seed: int, n_cells: int) -> Setting:
    """Simulate three batches with effects three times as strong as by default, and tell them."""
    task = simulated("simulated", seed, n_cells=n_cells, n_batches=3, batch_effect=1.0)
    return Setting(task, {"batch_key": dict.fromkeys(task.views, "batch")})


def scores(setting: Setting, seed: int, training: str) -> np.ndarray:
    """Return FOSCTTM, accuracy and balanced accuracy, means of both directions."""
    told = dict(setting.told)
    links = told.pop("links", None) or (setting.task.links(setting.task.views) if setting.task.links else None)
    config = xt.Config(training=training)  # type: ignore[arg-type]
    model = xt.integrate(setting.task.views, links, config=config, seed=seed, **told)  # type: ignore[arg-type]
    found = setting.task.score(model.latents)
    balanced = float(np.mean([value for name, value in found.items() if name.startswith("balanced")]))
    return np.array([found["foscttm"], found["accuracy"], balanced])


def main() -> None:
    """Print one row for each setting and data set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--data", nargs="*", default=[])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cells", type=int, default=800)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print("| setting | data | closed form | change by training |\n|---|---|---|---|")
    made: dict[tuple[str, str], Callable[[int], Setting]] = {
        (name, base): lambda seed, base=base, change=change: change(  # type: ignore[misc]
            subset(real(base, seed), options.cells, seed), seed
        )
        for name, change in SETTINGS.items()
        for base in REAL
    }
    made["strong batches", "simulated"] = lambda seed: strong_batches(seed, options.cells)
    made["many cells", "simulated"] = lambda seed: Setting(simulated("simulated", seed, n_cells=MANY))
    for (name, base), make in made.items():
        if (options.only and name not in options.only) or (options.data and base not in options.data):
            continue
        pairs = [[scores(make(seed), seed, how) for how in ("none", "full")] for seed in range(options.seeds)]
        plain, change = np.array([one for one, _ in pairs]), np.array([two - one for one, two in pairs])
        error = change.std(0, ddof=1) / np.sqrt(len(change)) if len(change) > 1 else np.full(3, np.nan)
        shown = "; ".join(f"{x:+.4f} ± {e:.4f}" for x, e in zip(change.mean(0), error, strict=True))
        print(f"| {name} | {base} | {'; '.join(f'{x:.4f}' for x in plain.mean(0))} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
