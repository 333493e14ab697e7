"""The options of a model: of the kinds that they should be, and of views that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from crosstie._errors import type_error, unknown_name
from crosstie.config import Config


def check_options(
    views: Iterable[str], *, modality: object, slot: object, batch_key: object, link_data: object, config: object
) -> None:
    """Check the options of `Model`.

    Raises
    ------
    KeyError
        If an option names a view that there is not.
    TypeError
        If an option is of the wrong kind.
    """
    views = list(views)
    if not isinstance(config, Config | None):
        do = "Write xt.Config(n_latent=20), with the settings that should differ."
        raise type_error("config: not settings.", found=type(config).__name__, expected="a Config", do=do)
    may_be_text = {"slot": slot, "batch_key": batch_key}
    for option, value in {"modality": modality, "link_data": link_data, **may_be_text}.items():
        if isinstance(value, Mapping):
            for name in value:
                if name not in views:
                    raise unknown_name("modality, slot, batch_key and link_data: view", name, views)
        elif value is not None and not (option in may_be_text and isinstance(value, str)):
            shown = repr(value) if isinstance(value, str | int | float) else type(value).__name__
            word = {"modality": '"rna"', "slot": '"X"', "batch_key": '"donor"', "link_data": "adata"}[option]
            kind = {"slot": "text, ", "batch_key": "a column of obs, "}.get(option, "")
            expected = f"{kind}{'or ' if kind else ''}a mapping by view such as {{{views[0]!r}: {word}}}".replace(
                "'", '"'
            )
            raise type_error(f"{option}: of the wrong kind.", found=shown, expected=expected)
