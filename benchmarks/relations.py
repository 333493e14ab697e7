"""Test whether `relate` finds the genes of proteins whose links were withheld. Prints a table from real paired data.

    CROSSTIE_DATA=... python benchmarks/relations.py [NAME ...] [--draws 4]

A random half of the linked proteins loses its links, together with all other links to the same genes. After the fit,
genes are ranked for each of these proteins. The table shows the share of proteins whose own gene (the best of several)
is in the top 5 % of the genes of the model, by each column of `xt.tl.relate`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from tasks import REAL, real

import crosstie as xt

COLUMNS = ("score", "correlation", "response")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"data sets; by default {' '.join(REAL)}")
    parser.add_argument("--draws", type=int, default=4, help="random halves of each data set")
    options = parser.parse_args()
    print(f"| | proteins | accuracy | {' | '.join(COLUMNS)} | median rank | q < .05, true pairs | q < .05, all |")
    print("|" + "---|" * (len(COLUMNS) + 6))
    every = []
    for name in options.names or REAL:
        draws = [withheld(name, draw) for draw in range(options.draws)]
        show(name, draws)
        every += draws
    show("all", every)


def withheld(name: str, draw: int) -> dict[str, object]:
    """Withhold half of the links, fit, and rank the genes of the withheld proteins."""
    task = real(name, draw)
    link = xt.links.by_table(task.views, "adt", "rna")
    columns = link.pairs["column"].unique()
    gone = link.pairs["column"].isin(np.random.default_rng(draw).choice(columns, len(columns) // 2, replace=False))
    secret = link.pairs[gone]
    left = replace(link, pairs=link.pairs[~gone & ~link.pairs["target"].isin(secret["target"])])
    model = xt.integrate(task.views, left, seed=draw)
    found = xt.tl.relate(model, "rna", "adt", n_top=None)
    of_protein = dict(iter(found.groupby("target", observed=True)))
    ranks, q = [], []
    for protein, genes in secret.groupby("source")["target"]:
        table = of_protein.get(protein)
        true = table["source"].isin(genes) if table is not None else None
        if true is None or not true.any():
            continue  # the protein or its gene does not vary
        ranks.append([(table[c] > table[c][true].max()).mean() for c in COLUMNS])
        q.append(table["q"][true].min())
    return {
        "ranks": np.array(ranks),
        "q": np.array(q),
        "all": found["q"].to_numpy(),
        "accuracy": task.score({view: model.embed(view) for view in task.views})["accuracy"],
    }


def show(name: str, draws: list[dict[str, object]]) -> None:
    """Print one row."""
    ranks, q, every = (np.concatenate([d[key] for d in draws]) for key in ("ranks", "q", "all"))
    shares = " | ".join(f"{x:.3f}" for x in (ranks < 0.05).mean(0))
    accuracy = np.mean([d["accuracy"] for d in draws])
    print(
        f"| {name} | {len(ranks)} | {accuracy:.3f} | {shares} | {np.median(ranks[:, 0]):.3f} "
        f"| {(q < 0.05).mean():.3f} | {(every < 0.05).mean():.3f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
