"""Chromatin as peers without links of peaks read it: counts summed by gene, and components of TF-IDF."""

import anndata as ad
import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import TruncatedSVD


def gene_activity(atac, links):
    """Return the sum of the linked peaks of every gene, cells × genes."""
    genes, column = np.unique(links["rna"].astype(str), return_inverse=True)
    row = atac.var_names.get_indexer(links["atac"])
    ones = np.ones(len(links), np.float32)
    found = ad.AnnData(sp.csr_matrix(atac.X @ sp.csr_matrix((ones, (row, column)), shape=(atac.n_vars, len(genes)))))
    found.obs_names, found.var_names = atac.obs_names, genes
    return found


def without_depth(atac, n):
    """Return components of log TF-IDF of the peaks but for the first, which is depth, shape `(n_cells, n)`."""
    seen = sp.csr_matrix(atac.X > 0, dtype=np.float32)
    share = seen.multiply(1 / np.maximum(seen.sum(1), 1)).tocsr()
    idf = seen.shape[0] / np.maximum(np.asarray(seen.sum(0)).ravel(), 1)
    weighed = sp.csr_matrix(share.multiply(idf * 1e4))
    weighed.data = np.log1p(weighed.data)
    return TruncatedSVD(n + 1, random_state=0).fit_transform(weighed)[:, 1:].astype(np.float32)
