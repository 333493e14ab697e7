"""Naive formulas of the training objective and of one training step.

Terms are numpy with loops and broadcasting. The training step uses torch autograd for the gradient and does everything
else by hand. A network is a list of layers, `[W1, b1, W2, b2, ...]`, in torch's layout: `x @ W.T + b`.
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
    adam = AdamByHand(flat, 1e-3, (0.9, 0.999), 1e-3, float("inf"))
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
