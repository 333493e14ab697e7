"""Naive formulas of the objective and of its training step. The package never imports them, nor they the package.

Terms are numpy with loops and broadcasting; the training step is torch autograd for the gradient and everything else by
hand. A network is a list of layers, `[W1, b1, W2, b2, ...]`, in torch's layout: `x @ W.T + b`.
"""

import numpy as np


def mlp(x, weights):
    for n, (w, b) in enumerate(zip(weights[::2], weights[1::2], strict=True)):
        x = x @ w.T + b
        if n < len(weights) // 2 - 1:
            x = x * (x > 0)
    return x


def kernel(x, bandwidth=1.0):
    difference = x[:, None, :] - x[None, :, :]
    return np.exp(-(difference**2).mean(2) / (2 * bandwidth**2))


def reconstruction(x, z, decode):
    return sum(((x[i] - decode[i](z[i])) ** 2).sum() / x[i].size for i in x)


def cycle(z, encode, decode, edges):
    total = 0.0
    for i, j in edges:
        total += ((z[i] - encode[j](decode[j](z[i]))) ** 2).sum() / z[i].size
        total += ((z[j] - encode[i](decode[i](z[j]))) ** 2).sum() / z[j].size
    return total


def geometry(x, z, bandwidth=1.0, clamp=0.975):
    total = 0.0
    for i in x:
        a, b = kernel(x[i], bandwidth), kernel(z[i], bandwidth)
        cosines = [np.dot(a[c], b[c]) / (np.linalg.norm(a[c]) * np.linalg.norm(b[c])) for c in range(len(a))]
        total -= np.mean([min(cosine, clamp) for cosine in cosines])
    return total


def global_anchors(pairs, encode):
    return sum(((encode[i](a) - encode[j](b)) ** 2).mean() for (i, j), (a, b) in pairs.items())


def mutual_neighbours(x, y, k):
    """Pairs `(a, b)` such that b is among the k rows of y most like x[a] by cosine, and a among those of x for y[b]."""
    cosine = [[u @ v / (np.linalg.norm(u) * np.linalg.norm(v)) for v in y] for u in x]
    near_x = [set(sorted(range(len(y)), key=lambda b, a=a: -cosine[a][b])[:k]) for a in range(len(x))]
    near_y = [set(sorted(range(len(x)), key=lambda a, b=b: -cosine[a][b])[:k]) for b in range(len(y))]
    return [(a, b) for a in range(len(x)) for b in range(len(y)) if b in near_x[a] and a in near_y[b]]


def batch_anchors(linked, z, k):
    total = 0.0
    for (i, j), (x, y) in linked.items():
        pairs = mutual_neighbours(x, y, k)
        total += np.mean([((z[i][a] - z[j][b]) ** 2).mean() for a, b in pairs])
    return total


def hold(z, closed):
    return sum(((z[i] - closed[i]) ** 2).mean() for i in z)


def divergence(z, critics, clamp=50.0):
    """The critics' loss: mean log(1 + exp(-D(z1))) + mean log(1 + exp(D(z2))), by edge."""
    total = 0.0
    for (i, j), weights in critics.items():
        source, target = (np.clip(mlp(z[side], weights), -clamp, clamp) for side in (i, j))
        total += np.log1p(np.exp(-source)).mean() + np.log1p(np.exp(target)).mean()
    return total


class AdamByHand:
    """Adam with the decay added to the gradient, after the norm of the whole gradient is clipped."""

    def __init__(self, weights, rate, betas, decay, clip):
        self.weights, self.rate, self.betas, self.decay, self.clip = weights, rate, betas, decay, clip
        self.first, self.second, self.t = [0.0] * len(weights), [0.0] * len(weights), 0

    def step(self, gradients):
        import torch  # here, so that the other oracles work where torch is not installed

        self.t += 1
        norm = sum(float((g**2).sum()) for g in gradients) ** 0.5
        shrink = min(1.0, self.clip / (norm + 1e-6))
        with torch.no_grad():
            for n, weight in enumerate(self.weights):
                g = gradients[n] * shrink + self.decay * weight
                self.first[n] = self.betas[0] * self.first[n] + (1 - self.betas[0]) * g
                self.second[n] = self.betas[1] * self.second[n] + (1 - self.betas[1]) * g**2
                m = self.first[n] / (1 - self.betas[0] ** self.t)
                v = self.second[n] / (1 - self.betas[1] ** self.t)
                weight -= self.rate * m / (v**0.5 + 1e-8)
        return norm


def scmodal_step(x, linked, encoders, decoders, critics):
    """One step of scMODAL with its published constants, in place; returns the total and the critics' last loss.

    Arguments are dictionaries by view or edge: inputs, linked columns (numpy), and lists of float64 leaf tensors.
    """
    import torch

    views, edges = list(x), list(critics)

    def critic_loss(z):
        loss = 0.0
        for i, j in edges:
            source, target = (torch.clip(mlp(z[side], critics[i, j]), -50, 50) for side in (i, j))
            loss = loss + torch.log(1 + torch.exp(-source)).mean() + torch.log(1 + torch.exp(target)).mean()
        return loss

    def broadcast_kernel(a):
        return torch.exp(-((a[:, None] - a[None]) ** 2).mean(2) / 2)

    flat = [w for e in edges for w in critics[e]]
    adam = AdamByHand(flat, 1e-3, (0.9, 0.999), 1e-3, 5.0)
    for _ in range(5):
        last = critic_loss({i: mlp(x[i], encoders[i]).detach() for i in views})
        adam.step(torch.autograd.grad(last, flat))

    z = {i: mlp(x[i], encoders[i]) for i in views}
    total = 0.0
    for i in views:
        total = total + 10 * ((x[i] - mlp(z[i], decoders[i])) ** 2).mean()
        a, b = broadcast_kernel(x[i]), broadcast_kernel(z[i])
        rows = [torch.dot(a[c], b[c]) / (a[c].norm() * b[c].norm()) for c in range(len(a))]
        total = total - 10 * sum(torch.clip(row, max=0.975) for row in rows) / len(rows)
    for i, j in edges:
        for s, t in ((i, j), (j, i)):
            total = total + 10 * ((z[s] - mlp(mlp(z[s], decoders[t]), encoders[t])) ** 2).mean()
        pairs = mutual_neighbours(*linked[i, j], 30)
        total = total + sum(((z[i][a] - z[j][b]) ** 2).mean() for a, b in pairs) / len(pairs)
    total = total - critic_loss(z)
    flat = [w for networks in (encoders, decoders) for i in views for w in networks[i]]
    AdamByHand(flat, 1e-3, (0.9, 0.999), 1e-3, 5.0).step(torch.autograd.grad(total, flat))
    return float(total.detach()), float(last.detach())


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
