"""MaxFuse on imaged proteins and RNA, by its public interface, up to the joint coordinates of its step III.

As run_maxfuse.py, but values are taken as they are and only scaled: both views of codex_hpap071 are on a log scale or
normalised already, and hold negative values. The RNA is its linked genes alone.
"""

import maxfuse as mf
import numpy as np
from exchange import Exchange, dense
from maxfuse_parts import fewer, rows_for_correlation

run = Exchange()
rna, adt, links = run.read()


def scaled(x):
    """Return standardised columns that vary."""
    x = dense(x)
    return (x - x.mean(0)) / np.maximum(x.std(0), 1e-6)


shared = [scaled(rna[:, links["rna"].to_numpy()].X), scaled(adt[:, links["adt"].to_numpy()].X)]
active = [scaled(rna.X), scaled(adt.X)]

fusor = mf.model.Fusor(shared_arr1=shared[0], shared_arr2=shared[1], active_arr1=active[0], active_arr2=active[1])
fusor.split_into_batches(max_outward_size=5000, matching_ratio=4, metacell_size=2)
few = {"svd_components1": fewer(40, active[0]), "svd_components2": fewer(15, active[1])}
fusor.construct_graphs(n_neighbors1=15, n_neighbors2=15, resolution1=2, resolution2=2, resolution_tol=0.1, **few)
fusor.find_initial_pivots(wt1=0.3, wt2=0.3, svd_components1=fewer(25, shared[0]), svd_components2=fewer(20, shared[1]))
fusor.refine_pivots(wt1=0.3, wt2=0.3, cca_components=min(25, *few.values()), n_iters=1, randomized_svd=False, **few)
fusor.filter_bad_matches(target="pivot", filter_prop=0.5)
run.write(*map(rows_for_correlation, fusor.get_embedding(active_arr1=fusor.active_arr1, active_arr2=fusor.active_arr2)))
