"""MaxFuse on RNA and chromatin, with the settings of its authors' notebook of 10x PBMC (mf_pbmc.ipynb in its archive).

Shared features are genes and their activity, all features of chromatin are 49 components of its peaks. As in
run_maxfuse.py, coordinates are those of step III, and numbers of components stay below those of features.
"""

import maxfuse as mf
import scanpy as sc
from exchange import Exchange, dense
from gene_activity import gene_activity, without_depth
from maxfuse_parts import fewer, rows_for_correlation

run = Exchange()
rna, atac, links = run.read()
activity, peaks = gene_activity(atac, links), without_depth(atac, 49)
genes = rna.var_names[rna.var_names.isin(activity.var_names)]
shared = [rna[:, genes].copy(), activity[:, genes].copy()]
for x in shared:
    sc.pp.normalize_total(x)
    sc.pp.log1p(x)
sc.pp.highly_variable_genes(shared[0], n_top_genes=min(3000, shared[0].n_vars))
variable = shared[0].var["highly_variable"].to_numpy()
for x in shared:
    sc.pp.scale(x)
shared = [dense(x.X)[:, variable] for x in shared]
varies = (shared[0].std(0) > 1e-5) & (shared[1].std(0) > 1e-5)
shared = [x[:, varies] for x in shared]

fusor = mf.model.Fusor(shared_arr1=shared[0], shared_arr2=shared[1], active_arr1=shared[0], active_arr2=peaks)
fusor.split_into_batches(max_outward_size=5000, matching_ratio=5, metacell_size=2)
fusor.construct_graphs(
    n_neighbors1=15,
    n_neighbors2=15,
    svd_components1=fewer(30, shared[0]),
    svd_components2=15,
    resolution1=2,
    resolution2=2,
    resolution_tol=0.1,
)
fusor.find_initial_pivots(wt1=0.7, wt2=0.7, svd_components1=fewer(20, shared[0]), svd_components2=fewer(20, shared[1]))
fusor.refine_pivots(
    wt1=0.7,
    wt2=0.7,
    svd_components1=fewer(200, shared[0]),
    svd_components2=None,
    cca_components=20,
    n_iters=8,
    randomized_svd=False,
    svd_runs=1,
)
fusor.filter_bad_matches(target="pivot", filter_prop=0.4)
z_rna, z_atac = map(rows_for_correlation, fusor.get_embedding(active_arr1=shared[0], active_arr2=peaks))
run.write(rna=z_rna, atac=z_atac)
