"""Run the battery: fit, diagnose and score every run, one row each, and print how often the verdict is right.

    CROSSTIE_DATA=... python benchmarks/battery/battery.py runs.csv [--kinds swap "few links"] [--minutes 30]

Clean runs come first, as others are judged by them, and then all others in an order drawn once, so that a table that
was stopped holds every kind; runs that are in the table already are not repeated. A run is bad if its FOSCTTM is above
.25, its accuracy is below .6 of that of the clean runs of its data, or two lineages are exchanged; copies are bad
whatever the scores are. A run is good if it has .9 of the clean accuracy. Across studies, whose types have other names,
accuracy is that of lineages, and compared with the clean runs of both. Labels and pairing only serve to judge.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import sys  # noqa: E402

sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[:2]]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
from planned_runs import HELD_BACK, WRONG_INPUT, Run, battery  # noqa: E402
from truth import BAD_ACCURACY, BAD_FOSCTTM, GOOD_ACCURACY, scored, told  # noqa: E402

import crosstie as xt  # noqa: E402

IMPOSSIBLE = ("noise", "unrelated", "no type in common", "crossed, other species")  # nothing right could come out


def main() -> None:
    """Do the runs that are missing, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path)
    parser.add_argument("--kinds", nargs="*", default=[])
    parser.add_argument("--minutes", type=float, default=1e9)
    options = parser.parse_args()
    runs = list(battery())
    done = pd.read_csv(options.table) if options.table.is_file() else pd.DataFrame({"key": []})
    end = time.monotonic() + 60 * options.minutes
    order = [runs[number] for number in np.random.default_rng(5).permutation(len(runs))]
    for run in sorted(order, key=lambda run: run.kind != "clean"):
        if run.key in set(done["key"]) or (options.kinds and run.kind not in options.kinds):
            continue
        if time.monotonic() > end:
            break
        done = pd.concat([done, pd.DataFrame([row(run)])], ignore_index=True)
        done.to_csv(options.table, index=False, float_format="%.5g")
    print(f"{len(done)} of {len(runs)} runs.\n")
    summary(judged(done))


def row(run: Run) -> dict[str, object]:
    """Fit, diagnose and score one run."""
    out: dict[str, object] = {"key": run.key, "kind": run.kind, "strength": run.strength, "base": run.base}
    try:
        task = run.task()
        batches = {v: "batch" for v, a in task.views.items() if "batch" in a.obs and len(set(a.obs["batch"])) > 1}
        links = task.links(task.views) if task.links else None
        model = xt.integrate(task.views, links, seed=run.seed, batch_key=batches or None)
    except (ValueError, KeyError) as error:
        return out | {"level": "refused", "reason": str(error).splitlines()[0]}
    start = time.process_time()
    found = xt.trust.diagnose(model, seed=run.seed)
    seconds = time.process_time() - start
    out |= scored(task, model.latents) | told(task, model)
    figures = [(s.edge, s.id, None if s.value != s.value else round(s.value, 5), s.level) for s in found.signals]
    return out | {
        "level": found.level,
        "suspicious": "; ".join(found.suspicions),
        "seconds": seconds,
        "reason": found.reasons[0] if found.reasons else "",
        "signals": json.dumps(figures),
    }


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the truth about every run: good, bad or between."""
    clean = table[table["kind"] == "clean"].groupby("base")[["accuracy", "lineage"]].mean()
    of_clean = table["accuracy"] / table["base"].map(clean["accuracy"])
    studies = table["base"].str.split("+", expand=True).reindex(columns=[0, 1])
    within = pd.concat([studies[n].map(clean["lineage"]) for n in (0, 1)], axis=1).mean(axis=1)
    share = of_clean.fillna(table["lineage"] / within)
    exchanged = table["exchanged"].fillna("") != ""
    bad = (table["foscttm"] > BAD_FOSCTTM) | (share < BAD_ACCURACY) | exchanged
    bad |= table["kind"].isin((*WRONG_INPUT, *IMPOSSIBLE))
    good = ~bad & (share >= GOOD_ACCURACY)
    return table.assign(truth=np.where(bad, "bad", np.where(good, "good", "between")))


def summary(table: pd.DataFrame) -> None:
    """Print counts of verdicts by truth and kind."""
    table = table[table["level"] != "refused"]
    held = table["kind"].isin(HELD_BACK)
    for name, part in (("all", table), ("kinds used for bounds", table[~held]), ("kinds held back", table[held])):
        print(f"{name}:\n{pd.crosstab(part['truth'], part['level'])}\n")
    print(pd.crosstab([table["kind"], table["truth"]], table["level"]).to_string())
    swaps = table[table["kind"] == "swap"]
    named = [
        all(name in str(said) for name in strength.split("~"))
        for strength, said in zip(swaps["strength"], swaps["suspicious"], strict=True)
    ]
    both = pd.DataFrame({"base": swaps["base"], "named": named}).groupby("base")["named"].agg(["sum", "size"])
    print(f"\nswaps, both named, by data:\n{both.to_string()}")
    clean = table[table["kind"].isin(("clean", "crossed, same tissue"))]
    alarms = (clean["suspicious"].fillna("") != "").sum()
    print(f"clean panels with an alarm: {alarms} of {len(clean)}")
    print(f"\ncalibration error of labels, verdict not `do not use`:\n{calibration(clean).to_string()}")
    print(f"\ncells of lineages that the other view lacks:\n{found_lacking(table).to_string()}")


def calibration(table: pd.DataFrame) -> pd.DataFrame:
    """Return accuracy, mean confidence and calibration error by data, means over seeds and both directions."""
    table = table[table["level"] != "fail"]
    figures = {"accuracy": "right", "confidence": "sure", "calibration error": "calibration"}
    each = {name: table[[f"{column}1", f"{column}2"]].mean(axis=1) for name, column in figures.items()}
    return pd.DataFrame(each).groupby([table["kind"], table["base"]]).mean().round(3)


def found_lacking(table: pd.DataFrame) -> pd.DataFrame:
    """Return how novelty tells cells of lacking lineages from others, in runs that are not bad, by kind."""
    figures = ("auroc", "found", "flagged", "alarms", "sure_lacking")
    sides = [
        table[["kind", *(f"{name}{n}" for name in figures)]].set_axis(["kind", *figures], axis=1)
        for n in (1, 2)
        if f"auroc{n}" in table
    ]
    every = pd.concat([side[table["truth"] != "bad"] for side in sides]).dropna(subset=["auroc"])
    return every.groupby("kind").agg(["mean"]).droplevel(1, axis=1).assign(n=every.groupby("kind").size()).round(3)


if __name__ == "__main__":
    main()
