"""Links: which features of two views are expected to move together (by name, table or column), and the graph they span.

The packaged table, `protein_genes.csv`, knows the antibodies of the usual panels and the genes of their proteins.
"""

from crosstie.links.cca import by_cca
from crosstie.links.link import Link, Linkage
from crosstie.links.name import by_name
from crosstie.links.names import Entry, lookup, recognise
from crosstie.links.table import by_table
from crosstie.links.var import by_table_and_var, by_var

__all__ = [
    "Entry",
    "Link",
    "Linkage",
    "by_cca",
    "by_name",
    "by_table",
    "by_table_and_var",
    "by_var",
    "lookup",
    "recognise",
]
