import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from crosstie.export import cellxgene_faults


def sound():
    obs = pd.DataFrame({"label": pd.Categorical(list("aabb")), "n": range(4)}, index=list("wxyz"))
    x = np.arange(1, 13, dtype=np.float32).reshape(4, 3)
    return AnnData(
        x, obs, pd.DataFrame(index=["g1", "g2", "g3"]), uns={"title": "t"}, obsm={"X_umap": np.zeros((4, 2))}
    )


def with_(**changes):
    def change(adata):
        for place, value in changes.items():
            setattr(adata, place, value)

    return change


def in_(place, key, value):
    return lambda adata: getattr(adata, place).__setitem__(key, value)


ZEROS = np.eye(4, 3, dtype=np.float32)


def test_a_sound_file_has_no_faults():
    assert cellxgene_faults(sound()) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (with_(X=None), "there is no X"),
        (with_(X=ZEROS), "X is at least half zeros, and not CSR"),
        (with_(X=sp.csc_matrix(ZEROS)), "X is at least half zeros, and not CSR"),
        (with_(X=np.ones((4, 3))), "X is float64, not float32"),
        (with_(X=np.full((4, 3), np.nan, np.float32)), "X has values that are not finite"),
        (with_(X=sp.csr_matrix((np.zeros(1, np.float32), ([0], [0])), (4, 3))), "X stores zeros"),
        (in_("layers", "raw", ZEROS), "layers['raw'] is at least half zeros, and not CSR"),
        (in_("obsm", "X_a b", np.zeros((4, 2))), "obsm['X_a b']: the name cannot be used"),
        (in_("obsm", "X_spatial", np.zeros((4, 2))), "obsm['X_spatial']: the name cannot be used"),
        (in_("obsm", "X_one", np.zeros((4, 1))), "obsm['X_one'] has fewer than two columns"),
        (in_("obsm", "X_umap", np.full((4, 2), np.nan)), "obsm['X_umap'] has infinite values, or none at all"),
        (lambda a: a.obsm.__delitem__("X_umap"), "obsm has no embedding whose name starts with X_"),
        (in_("obs", "cell_type", 1), "obs: column 'cell_type' is reserved"),
        (in_("obs", "__a", 1), "obs: column '__a' starts with two underscores"),
        (in_("obs", "c", pd.Categorical(["a", None, "a", "a"])), "obs: column 'c' has missing categories"),
        (in_("obs", "c", pd.Categorical(list("aaaa"), ["a", "b"])), "obs: column 'c' has categories without cells"),
        (in_("obs", "c", pd.Categorical([1, "a", 1, 1])), "obs: column 'c' has categories of several types"),
        (in_("obs", "c", pd.Series(list("abcd"), list("wxyz"), dtype=object)), "obs: column 'c' is neither"),
        (with_(obs_names=list("wwyz")), "obs: names are not unique"),
        (in_("uns", "empty", []), "uns['empty'] is empty"),
        (in_("uns", "deep", {"empty": ""}), "uns['deep']['empty'] is empty"),
    ],
)
@pytest.mark.filterwarnings("ignore:Observation names are not unique")
def test_each_fault_is_found(change, fault):
    adata = sound()
    change(adata)
    found = cellxgene_faults(adata)
    assert len(found) == 1
    assert found[0].startswith(fault)
