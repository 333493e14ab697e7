"""Train the published method to its end, and follow its scores: 10,000 steps of `Config.scmodal()`.

    python benchmarks/learning_curves.py train pbmc_wnn --out curves       # resumes where it was interrupted
    python benchmarks/learning_curves.py train pbmc_wnn --out curves --recipe crosstie --steps 2000
    python benchmarks/learning_curves.py train self --out curves --precision bfloat16 --anchor-k 5 --steps 2000
    SCMODAL_PATH=... python benchmarks/learning_curves.py authors pbmc_wnn --out curves --steps 100

Data sets are those of `tasks.py`; `self`: two copies of the proteins of pbmc_wnn, which must be matched one by one; and
`teaseq`: 2,000 simulated cells with proteins, RNA and chromatin activity, chained in this order as in the paper.
Every run has a folder of its own: `curve.csv` with scores, losses and times at some steps, and the coordinates there.
`learning_curves_table.py` makes the table and the figure of the documentation from these folders.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import combinations
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import tables  # noqa: F401  one thread, before NumPy is imported
import tasks
import teaseq
import torch

import crosstie as xt
from crosstie.model.inputs import Inputs
from crosstie.model.linked_blocks import fit_blocks
from crosstie.model.recipes import fit_recipes
from crosstie.training.loop import fit
from crosstie.training.networks import Networks
from crosstie.training.problem import Problem
from crosstie.training.trained import TrainingData

EVERY = 50
STEPS = (1, 50, 100, 200, 300, 400, 500, 700, 1000, 1500, *range(2000, 10_001, 1000))


def task_of(name: str, seed: int) -> tasks.Task:
    """Return a data set with its pairing hidden."""
    if name == "teaseq":
        hidden = teaseq.simulated(seed, n_cells=2000).task
        views = {view: hidden.views[view] for view in ("adt", "rna", "activity")}
        return replace(hidden, name=name, views=views, links=partial(teaseq.star, middle="rna"))
    if name != "self":
        return tasks.real(name, seed)
    truth = ad.read_h5ad(tasks.DATA / "pbmc_wnn" / "adt.h5ad")
    label = np.asarray(truth.obs["cell_type"].astype(str), dtype=object)
    task = tasks.hidden("self", {"adt": truth, "copy": truth}, label, seed)
    return replace(task, links=lambda views: xt.links.by_name(views, "adt", "copy"))


def scores_of(task: tasks.Task, z: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the scores of two views, or of more: of every pair, and means over pairs."""
    pairs = list(combinations(task.views, 2))
    if len(pairs) == 1:
        return task.score(z)
    found = [teaseq.of_pair(task, pair).score({view: z[view] for view in pair}) for pair in pairs]
    means = {score: float(np.mean([one[score] for one in found])) for score in ("foscttm", "accuracy", "mixing")}
    of_pairs = {f"foscttm {a}-{b}": one["foscttm"] for (a, b), one in zip(pairs, found, strict=True)}
    return means | of_pairs | {k: v for one in found for k, v in one.items() if "->" in k}


def problem_of(task: tasks.Task, config: xt.Config, seed: int) -> Problem:
    """Return the arrays that `Model.fit` trains on."""
    links = task.links(task.views) if task.links else None
    modality = dict.fromkeys(task.views, "protein") if task.name == "self" else None
    inputs = Inputs.of(task.views, links, config, modality=modality)
    fits = fit_recipes(inputs, config, seed)
    recipes = {name: recipe for name, (recipe, _) in fits.items()}
    blocks, linked = fit_blocks(inputs, recipes, seed)
    return TrainingData(
        views=inputs.views,
        recipes=recipes,
        components={name: scores for name, (_, scores) in fits.items()},
        closed_form=None,
        edges=tuple(inputs.linkage.edges),
        columns={},
        linked=linked,
        anchors={},
        batches={},
        blocks=blocks if config.features == "linked apart" else {},
    ).problem(config, {})


@dataclass
class Curve:
    """The scores of one run, written whenever they are taken; time spent on them is not counted."""

    folder: Path
    task: tasks.Task
    rows: list[dict[str, float]] = field(default_factory=list)
    clock: dict[int, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / "curve.csv").is_file():
            self.rows = pd.read_csv(self.folder / "curve.csv").to_dict("records")
            clock = pd.read_csv(self.folder / "clock.csv", index_col="step")
            self.clock = {int(step): (row.seconds, row.cpu) for step, row in clock.iterrows()}
        self.last = time.perf_counter(), time.process_time()
        self.before = 0

    def at(self, step: int, latents: Mapping[str, np.ndarray]) -> None:
        """Note the time, and the scores if it is time for them."""
        now = time.perf_counter(), time.process_time()
        if self.before == step - EVERY:  # not the first steps after an interruption, of which some are done
            self.clock[step] = now[0] - self.last[0], now[1] - self.last[1]
        self.before = step
        if step in STEPS:
            spent = np.array([pair for at, pair in self.clock.items() if at <= step]).reshape(-1, 2)
            seconds, cpu = (step / EVERY * (np.median(column) if len(column) else np.nan) for column in spent.T)
            z = {view: np.asarray(x, np.float32) for view, x in latents.items()}
            row = {"step": step, "seconds": seconds, "cpu": cpu} | scores_of(self.task, z)
            self.rows = [old for old in self.rows if old["step"] != step] + [row]
            pd.DataFrame(self.rows).sort_values("step").to_csv(self.folder / "curve.csv", index=False)
            clock = pd.DataFrame.from_dict(self.clock, orient="index", columns=["seconds", "cpu"])
            clock.rename_axis("step").to_csv(self.folder / "clock.csv")
            np.savez(self.folder / f"latents_{step}.npz", **{v: x.astype(np.float16) for v, x in z.items()})
            said = {k: round(float(v), 4) for k, v in row.items() if not k.startswith("balanced")}
            print(self.folder.name, said, flush=True)
        self.last = time.perf_counter(), time.process_time()


def train(args: argparse.Namespace) -> None:
    """Train with crosstie."""
    usual = xt.Config.scmodal(recipe=args.recipe)
    config = replace(usual, n_steps=args.steps, precision=args.precision, anchor_k=args.anchor_k)
    changed = {args.precision: args.precision != usual.precision, f"k{args.anchor_k}": args.anchor_k != usual.anchor_k}
    name = "-".join([args.recipe, *(word for word, differs in changed.items() if differs)])
    task = task_of(args.data, args.seed)
    problem = problem_of(task, config, args.seed)
    curve = Curve(args.out / f"{args.data} {name} {args.seed}", task)
    np.savez(
        curve.folder / "linked.npz",
        **{f"{a} {i}": x for a, b in problem.linked for i, x in enumerate(problem.linked[a, b])},
    )

    def watch(step: int, net: Networks) -> None:
        curve.at(step, {view: net.encode_array(view, x) for view, x in problem.inputs.items()} if step in STEPS else {})

    state = curve.folder / "state"
    _, history = fit(problem, config, seed=args.seed, device="cpu", log_every=EVERY, watch=watch, state=state)
    history.to_csv(curve.folder / "history.csv", index=False)


def authors(args: argparse.Namespace) -> None:
    """Train with the authors' code, on the same inputs."""
    sys.path.insert(0, os.environ["SCMODAL_PATH"])
    import scmodal.model

    config = xt.Config.scmodal()
    task = task_of(args.data, args.seed)
    problem = problem_of(task, config, args.seed)
    (a, b), columns = problem.edges[0], next(iter(problem.linked.values()))[0].shape[1]
    views = [ad.AnnData(np.ascontiguousarray(problem.inputs[view], np.float32)) for view in (a, b)]
    curve = Curve(args.out / f"{args.data} authors {args.seed}", task)
    model = scmodal.model.Model(training_steps=args.steps + 1, seed=args.seed, model_path=str(curve.folder / "model"))
    model.preprocess(*views, shared_gene_num=columns)
    find, step = scmodal.model.acquire_pairs, 0

    @torch.no_grad()
    def latents() -> dict[str, np.ndarray]:
        encoders = zip((a, b), (model.E_A, model.E_B), strict=True)
        return {view: encode(torch.from_numpy(problem.inputs[view])).numpy() for view, encode in encoders}

    def watched(*args_: object, **named: object) -> np.ndarray:  # called once in each step, before its update
        nonlocal step
        if step % EVERY == 0 or step == 1:
            curve.at(step, latents() if step in STEPS else {})
        step += 1
        return find(*args_, **named)

    scmodal.model.acquire_pairs = watched
    model.train()


def main() -> None:
    """Run one training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("code", choices=("train", "authors"))
    parser.add_argument("data")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--anchor-k", type=int, default=xt.Config.scmodal().anchor_k, help="neighbours in a minibatch")
    parser.add_argument("--recipe", choices=("scmodal", "crosstie"), default="scmodal")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    {"train": train, "authors": authors}[args.code](args)


if __name__ == "__main__":
    main()
