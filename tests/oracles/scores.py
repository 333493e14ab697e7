"""Naive formulas of the scores, with loops."""

import numpy as np


def foscttm(x, y):
    n = len(x)
    d = np.array([[((x[i] - y[j]) ** 2).sum() for j in range(n)] for i in range(n)])
    to_y = np.mean([sum(d[i, j] < d[i, i] for j in range(n)) / n for i in range(n)])
    to_x = np.mean([sum(d[i, j] < d[j, j] for i in range(n)) / n for j in range(n)])
    return (to_y + to_x) / 2


def foscttm_by_correlation(x, y):
    n = len(x)
    d = [[1 - np.corrcoef(x[i], y[j])[0, 1] for j in range(n)] for i in range(n)]
    return np.mean([sum(d[i][j] < d[i][i] - 1e-12 for j in range(n)) / n for i in range(n)])


def nearest(z, point, k, leave_out=None):
    order = sorted((np.linalg.norm(row - point), i) for i, row in enumerate(z) if i != leave_out)
    return [i for _, i in order[:k]]


def knn_label(z, labels, point, k):
    near = [labels[i] for i in nearest(z, point, k)]
    most = max(near.count(label) for label in near)
    return next(label for label in near if near.count(label) == most)


def other_view_shares(latents, k):
    """Share of other views among each cell's neighbours, with the share expected under perfect mixing."""
    z = np.vstack(list(latents.values()))
    view = [name for name, part in latents.items() for _ in part]
    shares, expected = [], []
    for i, point in enumerate(z):
        near = nearest(z, point, k, leave_out=i)
        shares.append(sum(view[j] != view[i] for j in near) / len(near))
        expected.append(sum(v != view[i] for v in view) / (len(view) - 1))
    return np.array(shares), np.array(expected)
