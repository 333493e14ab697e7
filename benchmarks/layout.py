"""Does the picture keep what the coordinates say? The default layout beside umap-learn, on real paired data.

    CROSSTIE_DATA=... python benchmarks/layout.py [--seeds 3]

Both bring the same fitted coordinates to the plane. *kept* is the share of a cell's 15 nearest cells that are among its
15 nearest on the plane, *trustworthiness* that of scikit-learn on 1,500 cells, *silhouette* that of the cell types on
the plane; means over seeds of the layout. Seconds are processor time of the first layout of a new process, which for
umap-learn includes compiling.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
from tasks import real

import crosstie as xt
from crosstie.anchors.neighbours import nearest

NAMES, METHODS, K = ("pbmc_wnn", "sln_mouse", "pbmc10k"), ("crosstie", "umap-learn"), 15


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    print("| data | layout | kept | trustworthiness | silhouette | seconds |\n|---|---|---|---|---|---|")
    for name in NAMES:
        task = real(name)
        latents = dict(xt.integrate(task.views).latents)
        label = np.concatenate([task.label[task.cell[view]] for view in latents])
        joint = np.vstack(list(latents.values()))
        for method in METHODS:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
                drawn = [process.submit(layout, latents, method, seed).result() for seed in range(options.seeds)]
            scores = pd.DataFrame([quality(joint, xy, label) for xy, _ in drawn]).mean()
            print(f"| {name} | {method} | {' | '.join(f'{x:.3f}' for x in scores)} | {drawn[0][1]:.1f} |", flush=True)


def layout(latents: dict[str, np.ndarray], method: str, seed: int) -> tuple[np.ndarray, float]:
    """Return coordinates on the plane, and the seconds that they took."""
    start = time.process_time()
    xy = xt.pl.joint_umap(latents, method=method, seed=seed)
    return np.vstack(list(xy.values())), time.process_time() - start


def quality(joint: np.ndarray, xy: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """Return the three scores of one layout."""
    from sklearn.manifold import trustworthiness

    before, after = (nearest(np.ascontiguousarray(x), np.ascontiguousarray(x), K + 1)[1] for x in (joint, xy))
    kept = np.mean([len(np.intersect1d(a, b)) - 1 for a, b in zip(before, after, strict=True)]) / K
    rows = np.random.default_rng(0).permutation(len(joint))[:1500]
    width = xt.metrics.silhouette(xy, label, max_cells=4000)
    return {"kept": kept, "trust": trustworthiness(joint[rows], xy[rows], n_neighbors=K), "silhouette": width}


if __name__ == "__main__":
    main()
