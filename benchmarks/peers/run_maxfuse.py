"""MaxFuse by its CITE-seq tutorial (docs/citeseq_pbmc_evaluate.ipynb), up to the joint coordinates of its step III.

Departures: at most one component less than there are features (the tutorial's 30, 25 and 20 are read off elbows of
228 antibodies). Its distance is that of correlation on the first 15 dimensions, so rows are centred and scaled to 1:
then the Euclidean distance ranks alike. Propagation (step IV) is left out: coordinates do not need it.
"""

import maxfuse as mf
import numpy as np
import scanpy as sc
from exchange import Exchange, dense
from maxfuse_parts import fewer, rows_for_correlation

run = Exchange()
rna, adt, links = run.read()
shared = [rna[:, links["rna"].to_numpy()].copy(), adt[:, links["adt"].to_numpy()].copy()]
varies = np.logical_and(*(dense(x.X).std(0) > 1e-5 for x in shared))
shared = [x[:, varies].copy() for x in shared]
target_sum = np.mean([np.median(dense(x.X).sum(1)) for x in shared])
for x in shared:
    x.var_names_make_unique()
    sc.pp.normalize_total(x, target_sum=target_sum)
    sc.pp.log1p(x)
    sc.pp.scale(x)
for x in (rna, adt):
    sc.pp.normalize_total(x)
    sc.pp.log1p(x)
sc.pp.highly_variable_genes(rna)
rna = rna[:, rna.var["highly_variable"]].copy()
for x in (rna, adt):
    sc.pp.scale(x)
active = [x[:, x.std(0) > 1e-5] for x in (dense(rna.X), dense(adt.X))]
shared = [dense(x.X) for x in shared]

fusor = mf.model.Fusor(shared_arr1=shared[0], shared_arr2=shared[1], active_arr1=active[0], active_arr2=active[1])
fusor.split_into_batches(max_outward_size=5000, matching_ratio=3, metacell_size=2)
few = {"svd_components1": fewer(30, active[0]), "svd_components2": fewer(30, active[1])}
fusor.construct_graphs(n_neighbors1=15, n_neighbors2=15, resolution1=2, resolution2=2, resolution_tol=0.1, **few)
fusor.find_initial_pivots(wt1=0.7, wt2=0.7, svd_components1=fewer(25, shared[0]), svd_components2=fewer(20, shared[1]))
fusor.refine_pivots(
    wt1=0.7,
    wt2=0.7,
    cca_components=min(20, *few.values()),
    n_iters=3,
    randomized_svd=False,
    svd_runs=1,
    **few,
)
fusor.filter_bad_matches(target="pivot", filter_prop=0.3)
run.write(*map(rows_for_correlation, fusor.get_embedding(active_arr1=fusor.active_arr1, active_arr2=fusor.active_arr2)))
