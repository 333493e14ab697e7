"""One-to-one assignment at low total cost in nearly linear memory: an auction among candidates, then swaps.

Rows of one side bid for columns of the other. Matching uses it if a full table of costs would not fit in memory.
"""

from __future__ import annotations

import numpy as np

from crosstie._typing import Array, Floats, Index
from crosstie.anchors.neighbours import nearest

PRECISION = 0.03  # of the median cost of a nearest candidate: the step by which bids rise
STILL_BIDDING = 0.002  # of the rows, at the end: they would take nearly all rounds, a few rows at a time
MAX_REPAIRED = 2000  # pairs that look for a swap in one pass
MAX_PASSES = 20
MAX_AMONG = 100_000  # pairs among which one pass looks for swaps
BLOCK = 2**23  # gains held at once
ROWS = 2**16  # rows whose candidates are collected at once


def candidates(source: Floats, target: Floats, k: int) -> tuple[Array, Index]:
    """Return the columns that each row may bid for, cheapest first, and their costs.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    k
        Candidates of a row are its `k` nearest columns, and up to `k` more that have the row among their `k` nearest.

    Returns
    -------
    Squared distances and row numbers of the target, shape `(n_source, width)`; unused places cost infinity.
    """
    near, forward = nearest(target, source, k)
    reached, backward = nearest(source, target, k)
    n_near, n_back = forward.shape[1], backward.shape[1]
    order = np.argsort(backward, axis=None, kind="stable")  # by the row that is reached
    ends = np.searchsorted(backward.ravel()[order], np.arange(len(source) + 1))
    costs = np.full((len(source), 2 * k), np.inf, np.float32)
    columns = np.zeros((len(source), 2 * k), np.int64)
    costs[:, :n_near], columns[:, :n_near] = np.maximum(near, 0), forward
    width = n_near
    for start in range(0, len(source), ROWS):
        rows = slice(start, min(start + ROWS, len(source)))
        back = order[ends[rows.start] : ends[rows.stop]]
        row, column, cost = backward.ravel()[back], back // n_back, reached.ravel()[back]
        further = cost > near[row, -1]  # nearer ones are among the row's nearest; a column twice does no harm
        row, column, cost = row[further], column[further], cost[further]
        best = np.lexsort((column, cost, row))
        row, column, cost = row[best], column[best], cost[best]
        place = n_near + np.arange(len(row)) - np.searchsorted(row, row)
        used = place < 2 * k
        costs[row[used], place[used]], columns[row[used], place[used]] = cost[used], column[used]
        width = max(width, int(place[used].max(initial=-1)) + 1)
    return costs[:, :width], columns[:, :width]


def auction(cost: Floats, column: Index, n_columns: int) -> Index:
    """Assign each row a column of its own by bids.

    All rows without a column bid at the same time for the candidate with the lowest cost plus price. A bid raises the
    price until the candidate is no better than the second choice, plus one step. The highest bid wins the column, and
    its previous owner bids again. A row that would have to pay more than any candidate costs stays without a column; so
    do the last rows, one in 500, that still bid when all others have found theirs. But for these, the total cost of the
    assigned rows exceeds the optimum (in which rows may stay out) by at most the number of rows times the step.

    Parameters
    ----------
    cost, column
        Costs and columns of the candidates of every row, as from `candidates`, shape `(n_rows, width)`.
    n_columns
        Number of columns; at least the number of rows.

    Returns
    -------
    Column of every row, shape `(n_rows,)`; -1 for rows without a column.

    References
    ----------
    Bertsekas, Annals of Operations Research 14 (1988): the auction algorithm, Jacobi version.
    """
    most = float(cost[np.isfinite(cost)].max())
    step = PRECISION * float(np.median(cost[:, 0])) or PRECISION * most or 1.0
    step = max(step, 1e-5 * most)
    price = np.zeros(n_columns)
    owner, owned = np.full(n_columns, -1), np.full(len(cost), -1)
    highest = np.empty(n_columns, np.int64)
    bidder = np.arange(len(cost))
    while len(bidder) > STILL_BIDDING * len(cost):
        wanted = column[bidder]
        value = cost[bidder] + price[wanted]
        rows = np.arange(len(bidder))
        choice = value.argmin(1)
        best = value[rows, choice]
        value[rows, choice] = np.inf
        second = np.minimum(value.min(1), most)
        bids = best <= most
        bidder, choice = bidder[bids], wanted[rows, choice][bids]
        bid = price[choice] + (second - best)[bids] + step
        # The last bid written for a column wins: the highest, or the bid of the last row among equal ones.
        order = np.argsort(bid, kind="stable")
        highest[choice[order]] = order
        won = highest[choice] == np.arange(len(choice))
        column_won, winner = choice[won], bidder[won]
        earlier = owner[column_won]
        earlier = earlier[earlier >= 0]
        owned[earlier] = -1
        owner[column_won], owned[winner], price[column_won] = winner, column_won, bid[won]
        bidder = np.concatenate([bidder[~won], earlier])
    return owned


def swapped(source: Floats, target: Floats, partner: Index, n_worst: int) -> Index:
    r"""Lower the sum of squared distances of a complete assignment by swaps.

    In each pass, each of the `n_worst` most distant pairs looks for the swap of partners with the largest gain,
    :math:`2 (x_i - x_j) \cdot (y_j - y_i)`, among at most `MAX_AMONG` pairs, other ones in the next pass. Passes repeat
    until one gains less than a thousandth.

    Parameters
    ----------
    source, target
        Common coordinates, shapes `(n_source, d)` and `(n_target, d)`.
    partner
        Target row of every source row, all different, shape `(n_source,)`.
    n_worst
        Number of pairs that look for a swap; at most `MAX_REPAIRED`.

    Returns
    -------
    The improved assignment, shape `(n_source,)`.
    """
    partner = partner.copy()
    n_worst = min(n_worst, MAX_REPAIRED, len(partner))
    if n_worst < 1 or len(partner) < 2:
        return partner
    n_parts = -(-len(partner) // MAX_AMONG)
    for n_pass in range(MAX_PASSES):
        own = target[partner]
        together = np.einsum("ij,ij->i", source, own)
        cost = np.einsum("ij,ij->i", source, source) + np.einsum("ij,ij->i", own, own) - 2 * together
        worst = np.argsort(-cost, kind="stable")[:n_worst]
        gain, other = _best_swaps(source, own, together, worst, np.arange(n_pass % n_parts, len(partner), n_parts))
        free = np.ones(len(partner), bool)
        total = 0.0
        for n in np.argsort(-gain, kind="stable"):
            i, j = worst[n], other[n]
            if gain[n] <= 0:
                break
            if free[i] and free[j]:
                free[[i, j]] = False
                partner[[i, j]] = partner[[j, i]]
                total += gain[n]
        if total <= 1e-3 * cost.sum():
            break
    return partner


def _best_swaps(source: Floats, own: Floats, together: Floats, worst: Index, among: Index) -> tuple[Floats, Index]:
    """Return the gain of the best swap of each of the worst pairs with one of others, and the pair to swap with."""
    gain, other = np.empty(len(worst)), np.empty(len(worst), np.int64)
    x, y, xy = source[among], own[among], together[among]
    step = max(1, BLOCK // len(among))
    for start in range(0, len(worst), step):
        rows = worst[start : start + step]
        table = source[rows] @ y.T
        table += own[rows] @ x.T
        table -= xy
        table -= together[rows][:, None]
        found = table.argmax(1)
        other[start : start + step] = among[found]
        gain[start : start + step] = 2 * table[np.arange(len(rows)), found]
    return gain, other
