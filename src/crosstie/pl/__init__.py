"""Plots: every function takes data and an optional `ax`, and returns the axes that it drew on."""

from crosstie.pl.confusion import confusion
from crosstie.pl.embedding import embedding, joint_umap
from crosstie.pl.history import losses
from crosstie.pl.palette import palette
from crosstie.pl.relate import relations
from crosstie.pl.scores import scores

__all__ = ["confusion", "embedding", "joint_umap", "losses", "palette", "relations", "scores"]
