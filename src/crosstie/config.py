"""Settings of one integration: frozen, checked when created, saved as JSON with the model.

A published method is a configuration: `Config.scmodal()` is the method of the paper, `Config()` the default.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from crosstie._errors import type_error, unknown_name, value_error
from crosstie._typing import Precision
from crosstie.anchors.refinement import Refinement


@dataclass(frozen=True, kw_only=True)
class Config(Refinement):
    """Settings of one integration.

    Parameters
    ----------
    training
        `"none"` uses the closed form; `"full"` trains networks that start from it (needs torch).
    fallback
        What to keep if training diverges, or if the trained coordinates look worse than the closed form judged without
        labels (see `crosstie.training.fallback`). `"closed form"` keeps the closed form; `"none"` keeps the trained
        networks, and raises an error if training diverges.
    n_core
        Views with more cells than this, at least 10, are fitted on a random sample of this size; the remaining cells
        are then placed with the fitted model.
    n_components
        Number of principal components of each view, at least 2.
    n_latent
        Number of latent coordinates; fewer if a view has fewer components.
    n_rounds, entropy, balance, damping, link_weight, link_shrinkage, n_smooth, smoothing, pull, n_sketch, n_sketches
        Settings of the closed form: see `crosstie.anchors.Refinement`.
    n_neighbors
        Number of nearest neighbours searched from each cell to find anchors.
    features
        Input of the networks: the principal `"components"` of each view; its scaled `"features"`; or these with
        `"linked apart"`, in blocks of their own, each normalised by itself, as scMODAL does (`crosstie.data.blocks`).
    latent_norm
        `"unit"` scales coordinates to length 1; `"none"` leaves them as they are.
    encoder, decoder
        `"residual"`: the linear map of the closed form plus a network that starts at zero. `"mlp"`: a network alone.
    linear
        Whether the linear map of a residual network is `"frozen"` or `"trained"` (without weight decay).
    hidden
        Number of units in the single hidden layer of encoders and decoders.
    initial_weights
        How the first weights and biases of a layer with m inputs are drawn: `"uniform"` within ±1/√m, or `"normal"`
        with mean 0 and standard deviation .1.
    critic_hidden, critic_layers, critic_clamp
        Width and number of the critic's hidden layers, and the bound on the absolute value of its scores.
    reconstruction, cycle, geometry, anchors, hold, adversarial
        Weights of the terms of the objective, at least 0; a term of weight 0 is not computed.
    geometry_bandwidth, geometry_clamp
        Bandwidth of the Gaussian kernels of the geometry term, and the cosine, in (0, 1], above which a cell no longer
        contributes to it.
    anchor_scope
        `"global"` finds anchors once, before training; `"batch"` finds mutual nearest neighbours on the linked features
        in every minibatch.
    anchor_pairs
        Number of anchor pairs that each edge contributes to a training step (`"global"` scope).
    anchor_k
        Number of nearest neighbours, by cosine (`"batch"` scope).
    alignment
        What makes the latent distributions of the views equal: an `"adversarial"` critic, or `"none"`.
    critic_steps
        Training steps of the critic for each step of the encoders, on the same minibatch.
    sampling
        How cells are drawn for minibatches: `"epochs"` shuffles them, and draws none twice before the others;
        `"replacement"` draws every cell independently. A view with batches is always drawn in epochs.
    n_steps, batch_size
        Number of training steps, and number of cells of each view in a minibatch (all cells, if a view has fewer).
    learning_rate, schedule, betas, weight_decay, grad_clip
        Settings of Adam, with the weight decay added to the gradient. The learning rate is `"constant"` or falls to 0
        along a `"cosine"`. `grad_clip` is the largest norm of the gradient of encoders and decoders.
    precision
        How training multiplies matrices: in `"float32"`, or in `"bfloat16"`, in which a step of `Config.scmodal()`
        takes about half the time on a processor with instructions for it. Where they are missing, training warns and
        uses `"float32"`. Weights, losses, kernels, neighbours and the coordinates returned are in single precision.
    keep
        Which weights to keep: the `"last"`, or the `"best"`, of the step where linked features agree most with the
        coordinates, looked at every 50 steps, without labels (`crosstie.training.best_step`).

    Raises
    ------
    TypeError, ValueError
        If a setting is of the wrong type or out of its range.
    """

    training: Literal["full", "none"] = "none"
    fallback: Literal["closed form", "none"] = "closed form"

    n_core: int = 50_000
    n_components: int = 120
    n_neighbors: int = 20

    features: Literal["components", "features", "linked apart"] = "components"
    latent_norm: Literal["unit", "none"] = "unit"
    encoder: Literal["mlp", "residual"] = "residual"
    decoder: Literal["mlp", "residual"] = "residual"
    linear: Literal["frozen", "trained"] = "frozen"
    hidden: int = 128
    initial_weights: Literal["uniform", "normal"] = "uniform"
    critic_hidden: int = 128
    critic_layers: int = 2
    critic_clamp: float = 50.0

    reconstruction: float = 10.0
    cycle: float = 10.0
    geometry: float = 0.0
    anchors: float = 1.0
    hold: float = 1.0
    adversarial: float = 1.0
    geometry_bandwidth: float = 1.0
    geometry_clamp: float = 0.975
    anchor_scope: Literal["global", "batch"] = "global"
    anchor_pairs: int = 500
    anchor_k: int = 30
    alignment: Literal["adversarial", "none"] = "adversarial"
    critic_steps: int = 2

    sampling: Literal["epochs", "replacement"] = "epochs"
    n_steps: int = 300
    batch_size: int = 500
    learning_rate: float = 1e-3
    schedule: Literal["constant", "cosine"] = "cosine"
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 1e-3
    grad_clip: float = 5.0
    precision: Precision = "float32"
    keep: Literal["last", "best"] = "last"

    def __repr__(self) -> str:
        default = {field.name: field.default for field in fields(self)}
        changed = [f"{name}={value!r}" for name, value in asdict(self).items() if value != default[name]]
        return f"Config({', '.join(changed)})"

    def __post_init__(self) -> None:
        types = get_type_hints(type(self))
        for field in fields(self):
            _check(field.name, getattr(self, field.name), types[field.name])
        if self.features != "components" and ("residual" in (self.encoder, self.decoder) or self.hold > 0):
            raise value_error(
                f"config: the closed form is a map of components, which features={self.features!r} does not use.",
                found=f"encoder={self.encoder!r}, decoder={self.decoder!r}, hold={self.hold}",
                expected="encoder='mlp', decoder='mlp', hold=0, or features='components'",
                cli={"expected": "--set encoder=mlp --set decoder=mlp --set hold=0, or --set features=components"},
            )
        if not any(getattr(self, name) for name in ("reconstruction", "cycle", "geometry", "anchors", "hold")):
            raise value_error("config: no term has a weight above 0.", expected="at least one besides 'adversarial'")

    @property
    def needs_closed_form(self) -> bool:
        """Whether the closed form has to be fitted."""
        residual = "residual" in (self.encoder, self.decoder)
        return self.training == "none" or residual or self.hold > 0 or self.anchor_scope == "global"

    @property
    def refinement(self) -> Refinement:
        """The settings of the closed form."""
        return Refinement(**{field.name: getattr(self, field.name) for field in fields(Refinement)})

    @classmethod
    def scmodal(cls, *, recipe: Literal["scmodal", "crosstie"] = "scmodal") -> Config:
        """Return the settings of scMODAL (Wang et al., Nature Communications 16, 4994, 2025), as in its code.

        Parameters
        ----------
        recipe
            Preprocessing: `"scmodal"` normalises linked features apart from the others, as the tutorials of its
            authors do; `"crosstie"` takes the features of each view's `Recipe`.

        Raises
        ------
        ValueError
            If the recipe is unknown.
        """
        features: dict[str, Literal["linked apart", "features"]] = {"scmodal": "linked apart", "crosstie": "features"}
        if recipe not in features:
            found, expected = repr(recipe), "'scmodal' or 'crosstie'"
            raise value_error("config: the recipe is unknown.", found=found, expected=expected)
        return cls(
            training="full",
            fallback="none",
            features=features[recipe],
            latent_norm="none",
            n_latent=20,
            encoder="mlp",
            decoder="mlp",
            hidden=512,
            initial_weights="normal",
            critic_hidden=512,
            critic_layers=2,
            critic_clamp=50.0,
            reconstruction=10.0,
            cycle=10.0,
            geometry=10.0,
            anchors=1.0,
            hold=0.0,
            adversarial=1.0,
            geometry_bandwidth=1.0,
            geometry_clamp=0.975,
            anchor_scope="batch",
            anchor_k=30,
            alignment="adversarial",
            critic_steps=5,
            sampling="replacement",
            n_steps=10_000,
            batch_size=500,
            learning_rate=1e-3,
            schedule="constant",
            betas=(0.9, 0.999),
            weight_decay=1e-3,
            grad_clip=5.0,
            precision="float32",
            keep="last",
        )

    def to_json(self) -> str:
        """Return the settings as JSON text."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Config:
        """Read settings from JSON text; settings that it does not name keep their defaults.

        Raises
        ------
        KeyError
            If the text names an unknown setting.
        TypeError, ValueError
            If the text is not a JSON object, or a setting is of the wrong type or out of its range.
        """
        if not isinstance(text, str):
            raise type_error("config: not text.", found=type(text).__name__, expected="JSON text")
        expected = 'a JSON object, such as {"n_latent": 20}'
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise value_error("config: the text is not JSON.", found=str(error), expected=expected) from error
        if not isinstance(found, dict):
            raise type_error("config: the text is not a JSON object.", found=type(found).__name__, expected=expected)
        known = [field.name for field in fields(cls)]
        for name in found:
            if name not in known:
                raise unknown_name("config", name, known)
        settings: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in found.items()}
        return cls(**settings)


# Lowest value, highest value, and whether the ends themselves are allowed.
_AT_LEAST_0 = (0.0, math.inf, "[)")
_AT_LEAST_1 = (1.0, math.inf, "[)")
_ABOVE_0 = (0.0, math.inf, "()")
_DECAY = (0.0, 1.0, "[)")
RANGES: dict[str, tuple[float, float, str]] = {
    "n_core": (10.0, math.inf, "[)"),
    "n_components": (2.0, math.inf, "[)"),
    "n_rounds": (1.0, 1000.0, "[]"),  # six are enough; settings of others may ask for an age
    "entropy": _ABOVE_0,
    "balance": (0.0, 1.0, "(]"),
    "damping": _AT_LEAST_0,
    "link_weight": _AT_LEAST_0,
    "link_shrinkage": (0.0, 1.0, "[]"),
    "n_smooth": _AT_LEAST_1,
    "smoothing": (0.0, 1.0, "[]"),
    "pull": (0.0, 1.0, "[]"),
    "n_sketch": (10.0, math.inf, "[)"),
    "n_sketches": _AT_LEAST_1,
    "n_neighbors": _AT_LEAST_1,
    "n_latent": _AT_LEAST_1,
    "hidden": _AT_LEAST_1,
    "critic_hidden": _AT_LEAST_1,
    "critic_layers": _AT_LEAST_1,
    "critic_clamp": _ABOVE_0,
    "reconstruction": _AT_LEAST_0,
    "cycle": _AT_LEAST_0,
    "geometry": _AT_LEAST_0,
    "anchors": _AT_LEAST_0,
    "hold": _AT_LEAST_0,
    "adversarial": _AT_LEAST_0,
    "geometry_bandwidth": _ABOVE_0,
    "geometry_clamp": (0.0, 1.0, "(]"),
    "anchor_pairs": _AT_LEAST_1,
    "anchor_k": _AT_LEAST_1,
    "critic_steps": _AT_LEAST_1,
    "n_steps": _AT_LEAST_1,
    "batch_size": (2.0, math.inf, "[)"),
    "learning_rate": _ABOVE_0,
    "betas": _DECAY,
    "weight_decay": _AT_LEAST_0,
    "grad_clip": _ABOVE_0,
}


def _check(name: str, value: Any, kind: Any) -> None:
    """Raise if a setting is not of its type or out of its range."""
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise value_error(f"config: {name} is unknown.", found=repr(value), expected=f"one of {get_args(kind)}")
        return
    if get_origin(kind) is tuple:
        if not isinstance(value, tuple) or len(value) != len(get_args(kind)):
            raise type_error(f"config: {name} is not a pair.", found=repr(value), expected="two numbers")
        for part, part_kind in zip(value, get_args(kind), strict=True):
            _check_number(name, part, part_kind)
        return
    _check_number(name, value, kind)


def _check_number(name: str, value: Any, kind: type) -> None:
    allowed = int if kind is int else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed):
        word = "a whole number" if kind is int else "a number"
        raise type_error(f"config: {name} is not {word}.", found=repr(value), expected=word)
    low, high, ends = RANGES[name]
    above = value >= low if ends[0] == "[" else value > low
    below = value <= high if ends[1] == "]" else value < high
    if not (above and below):
        end = "" if high == math.inf else f" and {'at most' if ends[1] == ']' else 'below'} {high:g}"
        start = f"{'at least' if ends[0] == '[' else 'above'} {low:g}"
        raise value_error(f"config: {name} is out of its range.", found=repr(value), expected=f"{start}{end}, finite")
