"""Components of cells in which some features were not measured: from the others, as far as these tell them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crosstie._typing import Array, Floats, Mask

LEAST_SIGNAL = 1e-6  # of the variance of a component


@dataclass(frozen=True)
class WithoutFeatures:
    r"""What the measured features of a recipe tell about its components.

    By the model of probabilistic components, weighted features are :math:`y = Lz + e`, with :math:`z \sim N(0, \Gamma)`
    and :math:`e \sim N(0, \sigma^2)`; components are :math:`t = L^\top y`. Rows of :math:`L` are split into measured
    features :math:`S` and absent ones :math:`A`. With :math:`M = L_S^\top L_S + \sigma^2 \Gamma^{-1}`, components are
    expected at :math:`E[t \mid y_S] = (I + L_A^\top L_A M^{-1})\, L_S^\top y_S`.

    Parameters
    ----------
    completion
        The matrix :math:`I + M^{-1} L_A^\top L_A`, by which rows of :math:`y_S L_S` are multiplied.
    lost
        Covariance of the components that the measured features leave open, shape `(n_components, n_components)`.
    variance
        Variance of the fitted cells along each component.

    References
    ----------
    Tipping and Bishop, Journal of the Royal Statistical Society B 61 (1999).
    """

    completion: Floats
    lost: Floats
    variance: Floats

    @classmethod
    def of(cls, loadings: Array, variance: Floats, weight: Floats | None, absent: Mask) -> WithoutFeatures:
        """Compute them from what a recipe holds, and the mask of its used features that were not measured."""
        loadings, variance = loadings.astype(np.float64), variance.astype(np.float64)  # type: ignore[assignment]
        gone = loadings[absent]
        without = gone.T @ gone
        n, q = loadings.shape
        total = float(n if weight is None else (weight**2).sum())
        rest = np.full(n - q, max(total - variance.sum(), 0) / max(n - q, 1))
        noise = max(float(np.median(np.concatenate([variance, rest]))), 1e-9)  # of half of the directions, at least
        signal = np.maximum(variance - noise, LEAST_SIGNAL * variance)
        inverse = np.linalg.inv(np.eye(q) - without + np.diag(noise / signal))
        completion = np.eye(q) + inverse @ without
        return cls(completion, noise * (without + without @ inverse @ without), variance)

    def completed(self, components: Array) -> Array:
        """Return expected components, given those with absent features at their mean, `(n_cells, n_components)`."""
        return (components @ self.completion).astype(np.float32)

    def kept(self, to: Floats | None = None) -> float:
        """Return how much of the variance of the components is known, in [0, 1].

        Parameters
        ----------
        to
            Map from the components to the coordinates that count, shape `(n_components, d)`; `None` counts components.
        """
        to = np.eye(len(self.lost)) if to is None else to
        open_, all_ = (float((to * (c @ to)).sum()) for c in (self.lost, np.diag(self.variance)))
        return float(np.clip(1 - open_ / all_, 0, 1))
