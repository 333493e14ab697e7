"""The graph of views: any connected graph, with any number of links on an edge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from crosstie._errors import sample, type_error, unknown_name, value_error
from crosstie.links.link import Link
from crosstie.links.paired import Paired


@dataclass(frozen=True)
class Linkage:
    """A connected graph of views: the links of one integration.

    Parameters
    ----------
    views
        Names of the views.
    links
        Linked features.
    paired
        Shared cells.

    Raises
    ------
    KeyError
        If a link names a view that does not exist.
    ValueError
        If views are not connected through links, or a link has no pairs.
    """

    views: tuple[str, ...]
    links: tuple[Link, ...]
    paired: tuple[Paired, ...] = ()

    def __post_init__(self) -> None:
        if not self.views or len(set(self.views)) < len(self.views):
            twice = [name for name in dict.fromkeys(self.views) if self.views.count(name) > 1]
            what = f"a view's name is given twice: {sample(twice, 3)}" if twice else "there are no views"
            raise value_error(f"links: {what}.", found=sample(self.views), expected="a different name for every view")
        for a, b in (link.edge for links in (self.links, self.paired) for link in links):
            for name in (a, b):
                if name not in self.views:
                    raise unknown_name(f"link {a} -> {b}", name, self.views)
        for link in self.links:
            if not len(link.pairs):
                raise value_error(f"link {link}: it has no pairs of features.", do="Remove the link, or give a table.")
        parts = self.parts()
        if len(parts) > 1:
            raise value_error(
                f"links: the {len(self.views)} views are not connected.",
                found="unconnected parts " + " | ".join(", ".join(p) for p in parts),
                expected="every view reachable from every other through links",
                do="Add a link between the parts: xt.links.by_name, by_table, by_var, paired, ...",
                cli={"do": "Add a link between the parts: --links TABLE, --names VIEW=COLUMN, or --paired VIEW,VIEW."},
            )

    @classmethod
    def of(cls, views: Iterable[str], links: Link | Paired | Iterable[Link | Paired]) -> Linkage:
        """Build a linkage from one link or several, of either kind."""
        given = (links,) if isinstance(links, (Link, Paired)) or not isinstance(links, Iterable) else tuple(links)
        others = [link for link in given if not isinstance(link, (Link, Paired))]
        if others:
            raise type_error(
                "links: not a link.",
                found=type(others[0] if isinstance(links, list | tuple) else links).__name__,
                expected="a Link or several",
                do="Make links by name or by table: xt.links.by_table(data, source, target, table).",
            )
        paired = tuple(link for link in given if isinstance(link, Paired))
        return cls(tuple(views), tuple(link for link in given if isinstance(link, Link)), paired)

    @property
    def edges(self) -> list[tuple[str, str]]:
        """The linked pairs of views, each once and in the direction of its first occurrence."""
        out: list[tuple[str, str]] = []
        for edge in (link.edge for links in (self.links, self.paired) for link in links):
            if edge not in out and edge[::-1] not in out:
                out.append(edge)
        return out

    @property
    def judged(self) -> Linkage:
        """The graph without links learned from references, on edges that have others."""
        own = {frozenset(link.edge) for link in self.links if link.origin != "reference"}
        stay = [link for link in self.links if link.origin != "reference" or frozenset(link.edge) not in own]
        return Linkage(self.views, tuple(stay), self.paired)

    def parts(self) -> list[list[str]]:
        """Return the connected components, each a list of view names in the order of `views`."""
        number = {name: i for i, name in enumerate(self.views)}
        ends = np.array([[number[a], number[b]] for a, b in self.edges]).reshape(-1, 2)
        graph = sp.coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(len(number),) * 2)
        part = sp.csgraph.connected_components(graph, directed=False)[1]
        return [[v for v in self.views if part[number[v]] == p] for p in np.unique(part)]
