"""Where a step of the published method spends its time, and how near it is to what the processor can do.

    python benchmarks/training_speed.py                                  # arithmetic of each term, seconds a step
    SCMODAL_PATH=... python benchmarks/training_speed.py --authors 5     # beside 5 steps of the authors' code

One thread; CPU seconds, so that other work on the machine hardly counts. The floor is the arithmetic of a step at the
rate of one large matrix product, measured between the runs. The last column is of bfloat16, where the processor has it.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace

import learning_curves  # one thread, before NumPy is imported
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

import crosstie as xt
from crosstie.training.device import choose_precision
from crosstie.training.loop import fit
from crosstie.training.problem import Problem

TERMS = ("reconstruction", "cycle", "geometry", "anchors", "adversarial")


def cpu(run: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    before = time.process_time()
    run()
    return time.process_time() - before


def arithmetic(problem: Problem, config: xt.Config, steps: int = 2) -> float:
    """Return the billions of operations of matrix products in a step; a product and a sum are two."""
    with FlopCounterMode(display=False) as counter:
        fit(problem, replace(config, n_steps=steps), device="cpu")
    return counter.get_total_flops() / steps / 1e9


def ours(problem: Problem, config: xt.Config, steps: int) -> float:
    """Return the CPU seconds of a step."""
    return cpu(lambda: fit(problem, replace(config, n_steps=steps), device="cpu")) / steps


def rate(n: int = 10) -> float:
    """Return the billions of operations a second of a matrix product of a step's size."""
    a, b = torch.randn(1000, 512), torch.randn(512, 512)
    a @ b
    return n * 2 * 1000 * 512 * 512 / 1e9 / cpu(lambda: [a @ b for _ in range(n)])


def theirs(problem: Problem, steps: int) -> float:
    """Return the CPU seconds of a step of the authors' code."""
    sys.path.insert(0, os.environ["SCMODAL_PATH"])
    import scmodal.model

    with tempfile.TemporaryDirectory() as folder:
        model = scmodal.model.Model(training_steps=steps, model_path=folder)
        model.emb_A, model.emb_B = (np.ascontiguousarray(x, np.float32) for x in problem.inputs.values())
        model.shared_gene_num = next(iter(problem.linked.values()))[0].shape[1]
        return cpu(model.train) / steps


def main() -> None:
    """Print, for each data set, the arithmetic of every term and the seconds of a step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["pbmc_wnn", "pbmc10k"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--authors", type=int, default=0, help="steps of the authors' code")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    config = xt.Config.scmodal()
    half = replace(config, precision=choose_precision("bfloat16", torch.device("cpu")))
    print(
        f"| data | {' | '.join(f'{term}, GFLOP' for term in TERMS)} | step, GFLOP | GFLOP/s | floor, s | step, s "
        f"| {half.precision}, s |"
    )
    for name in args.sets:
        problem = learning_curves.problem_of(learning_curves.task_of(name, 0), config, 0)
        whole = arithmetic(problem, config)
        parts = [whole - arithmetic(problem, replace(config, **{term: 0.0})) for term in TERMS]
        ours(problem, config, 2)
        rates, seconds = [rate()], []
        for _ in range(3):
            seconds.append([ours(problem, one, args.steps) for one in (config, half)])
            rates.append(rate())
        speed, (step, fast) = float(np.median(rates)), np.median(seconds, axis=0)
        cells = [*(f"{part:.1f}" for part in parts), f"{whole:.1f}", f"{speed:.0f}", f"{whole / speed:.2f}"]
        print(f"| {name} | {' | '.join(cells)} | {step:.2f} | {fast:.2f} |", flush=True)
        print(f"{name}: most memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")
        if args.authors:
            other = theirs(problem, args.authors)
            print(
                f"{name}: authors' code {other:.2f} s a step, {other / step:.1f} and {other / fast:.1f} times as long",
                flush=True,
            )


if __name__ == "__main__":
    main()
