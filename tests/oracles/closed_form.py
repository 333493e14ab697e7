"""Naive formulas of the closed form and of variable features, with loops and without sketches."""

import numpy as np


def residual_variance(x, theta=100.0):
    """Variance of the Pearson residuals of every column, count by count."""
    n_cells, n_features = x.shape
    out = []
    for j in range(n_features):
        residuals = []
        for i in range(n_cells):
            mu = x[i].sum() * x[:, j].sum() / x.sum()
            residual = (x[i, j] - mu) / np.sqrt(mu + mu**2 / theta) if mu > 0 else 0.0
            residuals.append(min(max(residual, -np.sqrt(n_cells)), np.sqrt(n_cells)))
        out.append(np.var(residuals))
    return np.array(out)


def nearest(base, query, k):
    """Squared distances and row numbers of the k rows of base nearest to each row of query."""
    distance = ((query[:, None] - base[None]) ** 2).sum(2)
    rows = np.argsort(distance, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(distance, rows, axis=1), rows


def mutual_nearest(x, y, k):
    """Pairs (a, b) and squared distances such that either is among the other's k nearest, in order of a, then b."""
    near_x, near_y = nearest(y, x, k)[1], nearest(x, y, k)[1]
    pairs = [(a, b) for a in range(len(x)) for b in range(len(y)) if b in near_x[a] and a in near_y[b]]
    return pairs, [((x[a] - y[b]) ** 2).sum() for a, b in pairs]


def sinkhorn(x, y, entropy, balance=1.0, shares=None, n_iterations=20):
    """Sinkhorn's iterations, entry by entry; without shares these are 1/n and 1/m; the plan is scaled to a sum of 1."""
    n, m = len(x), len(y)
    a, b = shares or ([1 / n] * n, [1 / m] * m)
    score = [[float(np.dot(x[i], y[j])) for j in range(m)] for i in range(n)]
    top = max(map(max, score))  # no matter when balanced; unbalanced it sets what the cost counts from
    kernel = [[np.exp((value - top) / entropy) for value in row] for row in score]
    u, v = [1.0] * n, [1.0] * m
    for _ in range(n_iterations):
        u = [(a[i] / sum(kernel[i][j] * v[j] for j in range(m))) ** balance for i in range(n)]
        v = [(b[j] / sum(kernel[i][j] * u[i] for i in range(n))) ** balance for j in range(m)]
    plan = np.array([[u[i] * kernel[i][j] * v[j] for j in range(m)] for i in range(n)])
    return plan / plan.sum()


def composed_plan(x, y, entropy, balance, n_smooth):
    """The balanced plan whose shares are powers of the unbalanced plan's masses, averaged over neighbours.

    The power rises from 0 to 1.5 while the standard deviation of log masses, of the side where it is larger, rises from
    .12 to .18.
    """
    loose = sinkhorn(x, y, entropy, balance)
    masses = []
    for z, mass in ((x, loose.sum(1)), (y, loose.sum(0))):
        near = nearest(z, z, n_smooth)[1]
        masses.append([np.mean([mass[j] for j in row]) for row in near])
    spread = max(np.std(np.log(average)) for average in masses)
    power = 0 if spread < 0.12 else 1.5 if spread > 0.18 else 1.5 * (spread - 0.12) / 0.06
    shares = [[value**power / sum(v**power for v in average) for value in average] for average in masses]
    return sinkhorn(x, y, entropy, shares=shares)


def closed_form_maps(x, y, plan, damping):
    """Maps of two views from one match: singular vectors of the matched cross-covariance of damped components."""
    factors, inputs = [], []
    for side in (x, y):
        side = side - side.mean(0)
        factors.append(1 / np.sqrt(side.var(0) + damping * side.var(0).sum()))
        inputs.append(side * factors[-1])
    means = [sum(plan.sum(1 - n)[i] * side[i] for i in range(len(side))) for n, side in enumerate(inputs)]
    covariance = sum(
        plan[i, j] * np.outer(inputs[0][i] - means[0], inputs[1][j] - means[1])
        for i in range(len(x))
        for j in range(len(y))
    )
    left, values, right = np.linalg.svd(covariance, full_matrices=False)
    strength = values / values[0]
    return factors[0][:, None] * left * strength, factors[1][:, None] * right.T * strength, strength


def smoothed(z, k, weight):
    """Every row averaged with the mean of the k rows nearest to it, itself among them, and scaled to length 1."""
    rows = [(1 - weight) * z[i] + weight * z[near].mean(0) for i, near in enumerate(nearest(z, z, k)[1])]
    return np.array([row / np.linalg.norm(row) for row in rows])


def agreement(x, y, plan):
    """Correlation of each column of one side with that of the other over matched cells, at least 0."""
    out = []
    for k in range(x.shape[1]):
        a = x[:, k] - sum(plan.sum(1)[i] * x[i, k] for i in range(len(x)))
        b = y[:, k] - sum(plan.sum(0)[j] * y[j, k] for j in range(len(y)))
        together = sum(plan[i, j] * a[i] * b[j] for i in range(len(x)) for j in range(len(y)))
        spread = sum(plan.sum(1) * a**2) * sum(plan.sum(0) * b**2)
        out.append(max(together / np.sqrt(spread), 0))
    return np.array(out)


def side_by_side(x, maps, links, link_weight):
    """Shared directions and linked columns of every cell, of mean square length 1 and of that of the links' weight."""
    blocks = [x @ maps, x @ links]
    blocks = [block / np.sqrt(np.mean([row @ row for row in block])) for block in blocks]
    return np.hstack([blocks[0], link_weight * blocks[1]])
