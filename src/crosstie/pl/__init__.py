"""Plots: every function takes data and an optional `ax`, and returns the axes that it drew on."""

from crosstie.pl.confusion import confusion
from crosstie.pl.embedding import embedding, embedding_by_view
from crosstie.pl.history import losses
from crosstie.pl.joint_umap import joint_umap
from crosstie.pl.linked import linked
from crosstie.pl.palette import palette
from crosstie.pl.relate import relations
from crosstie.pl.save import save
from crosstie.pl.scores import scores
from crosstie.pl.spatial import spatial

__all__ = [
    "confusion",
    "embedding",
    "embedding_by_view",
    "joint_umap",
    "linked",
    "losses",
    "palette",
    "relations",
    "save",
    "scores",
    "spatial",
]
