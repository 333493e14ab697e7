"""Links: which features of two views vary together, which cells are shared, and the graph of views.

The packaged table, `protein_genes.csv`, lists the antibodies of common panels and the genes of their proteins.
"""

from crosstie.links.antibody_names import Entry, lookup, recognise
from crosstie.links.by_cca import by_cca
from crosstie.links.by_distance import by_distance
from crosstie.links.by_name import by_name
from crosstie.links.by_table import by_table
from crosstie.links.by_var import by_table_and_var, by_var
from crosstie.links.learned import LearnedLinks, learn
from crosstie.links.link import Link
from crosstie.links.linkage import Linkage
from crosstie.links.paired import Paired, paired
from crosstie.links.suggest import suggest

__all__ = [
    "Entry",
    "LearnedLinks",
    "Link",
    "Linkage",
    "Paired",
    "by_cca",
    "by_distance",
    "by_name",
    "by_table",
    "by_table_and_var",
    "by_var",
    "learn",
    "lookup",
    "paired",
    "recognise",
    "suggest",
]
