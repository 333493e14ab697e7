"""Reading and checking a saved model: anything missing, damaged or from another model is a clear error."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pandas as pd

from crosstie._errors import InputError, InputValueError, sample, value_error
from crosstie._extras import require
from crosstie._typing import Array, Index, Modality
from crosstie._untrusted_folder import TABLE, check_width, entry
from crosstie._version import __version__
from crosstie._visible import visible
from crosstie.anchors import Anchors, ClosedForm
from crosstie.anchors.batch_offsets import Offsets
from crosstie.config import Config
from crosstie.data import Recipe, Steps
from crosstie.data.blocks import Blocks
from crosstie.data.steps import LARGEST
from crosstie.data.values import Values
from crosstie.links.link import Link, Origin
from crosstie.links.linkage import Linkage
from crosstie.links.paired import Paired
from crosstie.model.fitted import Fitted
from crosstie.model.inputs import Inputs
from crosstie.model.latent_map import LatentMap
from crosstie.model.save import FORMAT, HISTORY, SETTINGS, NumberKind, most_weights
from crosstie.model.saved_arrays import AGAIN, SavedArrays
from crosstie.space.given_graph import connected
from crosstie.space.positions import Positions, Unit

if TYPE_CHECKING:
    from crosstie.training.networks import Networks


def load(path: str | Path) -> tuple[Inputs, Fitted, str]:
    """Load a saved model: its inputs, without data, its fit, and why it should not be used, if it was condemned.

    Parameters
    ----------
    path
        The folder that `save` wrote.

    Raises
    ------
    ValueError
        If the folder is not a saved model, has a format that this version does not know, or is damaged.
    """
    path = Path(path)
    settings = _read_settings(path)
    with _telling_of_damage(path / SETTINGS):
        views = settings["views"]
        names = [str(view["name"]) for view in views]
        edges = [_edge(edge, names) for edge in settings["edges"]]
        told = [_edge(edge, names) for edge in settings.get("disagreement", ())]  # models saved before there was any
        config = Config.from_json(json.dumps(settings["config"]))
        inputs = _inputs(path, settings, names)
        n_rows = sum(map(len, inputs.obs.values())) + sum(len(view["recipe"]["features"]) for view in views)
        arrays = SavedArrays(path, settings, most_weights(n_rows))
        like = {str(name): str(view) for name, view in settings["like"].items()}
        batches = {str(v["name"]): tuple(map(str, v["batches"])) for v in views if v["batches"] is not None}
        arrays.sizes |= {f"cells of {name}": len(obs) for name, obs in inputs.obs.items()}
        in_core = {name: bool(view["core"]) for name, view in zip(names, views, strict=True)}
        recipes = {name: _recipe(arrays, i, name, views[i]["recipe"]) for i, name in enumerate(names)}
        closed, trained = bool(settings["closed_form"]), bool(settings["trained"])
        condemned = visible(str(settings.get("condemned", "")))
    rows = _core_rows(arrays, names, in_core)
    form = _closed_form(arrays, names, edges, config) if closed else None
    offsets = _offsets(arrays, names, batches) if batches else None
    if form is not None and not trained:
        form = replace(form, offsets=offsets, extensions=tuple(like))
    latents, decoders, scale = _coordinates(arrays, names, scaled=closed and trained)
    anchors = {edge: _anchors(arrays, i, edge) for i, edge in enumerate(edges)}
    disagreement = {(a, b): arrays.take(f"disagreement/{i}", f"fitted cells of {b}") for i, (a, b) in enumerate(told)}
    found = None
    if trained:
        from crosstie.training.trained import Trained

        apart = config.features == "linked apart"
        blocks = {name: _blocks(arrays, i, name, recipes[name]) for i, name in enumerate(names)} if apart else {}
        own = [name for name in names if name not in like]
        found = Trained(_networks(arrays, config, own), scale, offsets, blocks)
    inputs = replace(inputs, positions=_positions(arrays, views, names))
    arrays.check_all_taken()
    history = _history(path) if settings["history"] else pd.DataFrame()
    latent_map = LatentMap(config, recipes, form, found, decoders, like)
    fitted = Fitted(latent_map, latents, anchors, history, rows, disagreement)
    return inputs, fitted, condemned


def _inputs(path: Path, settings: Mapping[str, Any], names: list[str]) -> Inputs:
    """Return what is known about the data, which are not saved themselves."""
    views = settings["views"]
    return Inputs(
        views={},
        link_views={},
        linkage=Linkage.of(names, [*map(_link, settings["links"]), *map(_paired, settings["paired"])]),
        obs={name: _obs(path, f"obs_{i}.csv", views[i]["obs"]) for i, name in enumerate(names)},
        slots={str(view["name"]): str(view["slot"]) for view in views},
        modalities={str(view["name"]): _one_of(view["modality"], Modality) for view in views},
        batch_keys={str(view["name"]): str(view["batch_key"]) for view in views if view["batch_key"] is not None},
    )


def _positions(arrays: SavedArrays, views: list[Any], names: list[str]) -> dict[str, Positions]:
    out = {}
    for i, name in enumerate(names):
        if (about := views[i].get("positions")) is not None:
            sections = tuple(map(str, about["sections"]))
            unit = None if about["unit"] is None else _one_of(about["unit"], Unit)
            xy = arrays.take(f"positions/{i}/xy", f"cells of {name}", f"axes of {name}")
            section = arrays.rows(f"positions/{i}/section", f"cells of {name}", len(sections))
            graph = None
            if about.get("graph"):
                ends = [
                    arrays.rows(f"positions/{i}/{end}", f"edges of {name}", len(xy)) for end in ("source", "target")
                ]
                graph = connected(ends[0], ends[1], len(xy))
            out[name] = Positions(xy, section, sections, unit, graph)
    return out


def _core_rows(arrays: SavedArrays, names: list[str], in_core: Mapping[str, bool]) -> dict[str, Index]:
    rows = {}
    for i, name in enumerate(names):
        fitted = f"fitted cells of {name}"
        if in_core[name]:
            rows[name] = arrays.rows(f"core/{i}", fitted, arrays.sizes[f"cells of {name}"])
        else:
            arrays.sizes[fitted] = arrays.sizes[f"cells of {name}"]
    return rows


def _coordinates(
    arrays: SavedArrays, names: list[str], *, scaled: bool
) -> tuple[dict[str, Array], dict[str, tuple[Array, Array]], dict[str, Array]]:
    """Return coordinates, decoders and, for networks that start at a closed form, the scale of their inputs."""
    latents, decoders, scale = {}, {}, {}
    for i, name in enumerate(names):
        latents[name] = arrays.take(f"latents/{i}", f"cells of {name}", "latent coordinates")
        decoders[name] = (
            arrays.take(f"decoders/{i}/matrix", "latent coordinates", f"components of {name}"),
            arrays.take(f"decoders/{i}/offset", f"components of {name}"),
        )
        if scaled:
            scale[name] = arrays.take(f"input_scale/{i}", f"components of {name}")
    return latents, decoders, scale


def _read_settings(path: Path) -> dict[str, Any]:
    file = entry(path, SETTINGS, most=TABLE, who="load: ")
    if not file.is_file():
        raise value_error(
            f"load: {str(path)!r} is not a saved model.",
            found=f"no {SETTINGS} in it" if path.is_dir() else "a file" if path.exists() else "nothing of that name",
            expected="a folder that model.save wrote",
        )
    with _telling_of_damage(file):
        settings = json.loads(file.read_text(encoding="utf-8"))
        found = settings.get("format")
        if found != FORMAT:
            raise value_error(
                f"load: {str(path)!r} is of a format that this version does not know.",
                found=f"format {found!r}, written by crosstie {settings.get('crosstie')}",
                expected=f"format {FORMAT} (this is crosstie {__version__})",
                do="Install the version that wrote it, or integrate again.",
            )
    return settings


def _recipe(arrays: SavedArrays, i: int, view: str, found: Mapping[str, Any]) -> Recipe:
    features = pd.Index([str(f) for f in found["features"]])
    used, components = f"used features of {view}", f"components of {view}"
    return Recipe(
        steps=Steps(**found["steps"]),
        values=_one_of(found["values"], Values),
        features=features,
        kept=arrays.rows(f"recipes/{i}/kept", used, len(features)),
        target_sum=_above_0(found["target_sum"], "target_sum"),
        mean=arrays.take(f"recipes/{i}/mean", used),
        std=arrays.take(f"recipes/{i}/std", used, above=0),
        loadings=arrays.take(f"recipes/{i}/loadings", used, components),
        variance=arrays.take(f"recipes/{i}/variance", components),
        slope=_share(found.get("slope", 0.0), "slope"),  # models saved before there was one do not use it
        weight=arrays.take(f"recipes/{i}/weight", used, above=0) if found.get("weighed") else None,
        ignored=np.flatnonzero(features.isin([str(f) for f in found.get("ignored", ())])),
        background=arrays.take(f"recipes/{i}/background", len(features)) if found.get("background") else None,
    )


def _blocks(arrays: SavedArrays, i: int, view: str, recipe: Recipe) -> Blocks:
    columns = f"network inputs of {view}"
    return Blocks(
        columns=arrays.rows(f"blocks/{i}/columns", columns, len(recipe.features)),
        block=arrays.take(f"blocks/{i}/block", columns, index=True),
        target_sum=arrays.take(f"blocks/{i}/target_sum", columns),
        mean=arrays.take(f"blocks/{i}/mean", columns),
        std=arrays.take(f"blocks/{i}/std", columns, above=0),
    )


def _edge(found: Any, names: list[str]) -> tuple[str, str]:
    a, b = found
    if a == b or not all(type(n) is int and 0 <= n < len(names) for n in (a, b)):
        expected = f"two different numbers from 0 to {len(names) - 1}"
        raise value_error("an edge is not between two views.", found=repr(found), expected=expected)
    return names[a], names[b]


def _above_0(found: Any, name: str) -> float:
    if not 0 < float(found) < LARGEST:
        raise value_error(f"{name} is out of its range.", found=repr(found), expected=f"above 0, below {LARGEST:g}")
    return float(found)


def _share(found: Any, name: str) -> float:
    if not 0 <= float(found) <= 1:
        raise value_error(f"{name} is out of its range.", found=repr(found), expected="0 to 1")
    return float(found)


def _closed_form(arrays: SavedArrays, views: list[str], edges: list[tuple[str, str]], config: Config) -> ClosedForm:
    mean, maps, reference = {}, {}, {}
    for i, view in enumerate(views):
        components, stem = f"components of {view}", f"closed_form/{i}"
        mean[view] = arrays.take(f"{stem}/mean", components)
        maps[view] = arrays.take(f"{stem}/maps", components, "closed-form coordinates")
        reference[view] = arrays.take(f"{stem}/reference", f"fitted cells of {view}", "closed-form coordinates")
    return ClosedForm(
        mean=mean,
        maps=maps,
        reference=reference,
        strength=arrays.take("closed_form/strength", "shared directions"),
        edges=tuple(edges),
        settings=config.refinement,
    )


def _offsets(arrays: SavedArrays, views: list[str], batches: dict[str, tuple[str, ...]]) -> Offsets:
    axes = "clusters of batches", "latent coordinates"
    shifts = {
        view: arrays.take(f"offsets/{i}", len(batches[view]), *axes) for i, view in enumerate(views) if view in batches
    }
    return Offsets(arrays.take("offsets/centroids", *axes), batches, shifts)


def _anchors(arrays: SavedArrays, i: int, edge: tuple[str, str]) -> Anchors:
    pairs = f"anchors of {' -> '.join(edge)}"
    source, target = (
        arrays.rows(f"anchors/{i}/{side}", pairs, arrays.sizes[f"cells of {view}"])
        for side, view in zip(("source", "target"), edge, strict=True)
    )
    return Anchors(source, target, arrays.take(f"anchors/{i}/weight", pairs))


def _networks(arrays: SavedArrays, config: Config, views: list[str]) -> Networks:
    """Return the networks of the fitted views."""
    require("train", f"load: the trained model in {str(arrays.file.parent)!r}")
    from crosstie.training.networks import Networks

    read = {"features": "used features", "linked apart": "network inputs"}.get(config.features, "components")
    n_inputs = {view: arrays.sizes[f"{read} of {view}"] for view in views}
    width = arrays.left.get("networks/encoders.0.first.bias", np.empty(0)).size
    if width != config.hidden:  # before as much memory is taken as the settings ask for
        raise value_error(
            f"load: the networks of {str(arrays.file)!r} are not those of the {SETTINGS} beside it.",
            found=f"hidden layers of width {width:,}",
            expected=f"{config.hidden:,}",
            do=AGAIN,
        )
    config = replace(config, n_latent=arrays.sizes["latent coordinates"])
    return Networks.restored(n_inputs, config, lambda key, shape: arrays.take(f"networks/{key}", *shape))


def _link(found: Mapping[str, Any]) -> Link:
    pairs, report = (pd.DataFrame(found[t]["rows"], columns=found[t]["columns"]) for t in ("pairs", "report"))
    origin = _one_of(found.get("origin", "pairs"), Origin)  # which models of before lack
    return Link(str(found["source"]), str(found["target"]), pairs, report, origin)


def _paired(found: Mapping[str, Any]) -> Paired:
    cells = pd.DataFrame(found["cells"]["rows"], columns=found["cells"]["columns"])
    return Paired(str(found["source"]), str(found["target"]), cells)


def _obs(folder: Path, name: str, described: Mapping[str, Any]) -> pd.DataFrame:
    file = entry(folder, name, most=TABLE, who="load: ")
    if not file.is_file():
        raise value_error(f"load: {str(file)!r} is missing.", do=AGAIN)
    kinds = described["columns"]
    how: dict[str, Any] = {"header": None, "skiprows": 1, "dtype": str, "keep_default_na": False}
    with _telling_of_damage(file):
        check_width(file, 1 + len(kinds) + 1000, who="load: ")
        text = pd.read_csv(file, skip_blank_lines=False, encoding="utf-8", **how)
    if text.shape[1] != 1 + len(kinds):
        raise value_error(
            f"load: {str(file)!r} does not fit the {SETTINGS} beside it.",
            found=f"{text.shape[1]} columns",
            expected=f"{1 + len(kinds)}: cell names and {sample([k['name'] for k in kinds], 4)}",
        )
    index = pd.Index(text[0].to_numpy(), name=described["index"])
    obs = pd.DataFrame({j: _column(text[1 + j].to_numpy(), kind) for j, kind in enumerate(kinds)}, index=index)
    obs.columns = pd.Index([kind["name"] for kind in kinds])
    return obs


def _column(text: np.ndarray, described: Mapping[str, Any]) -> Any:
    kind = described["kind"]
    if kind == "category":
        number = {str(category): n for n, category in enumerate(described["categories"])}
        codes = [number.get(t, -1) for t in text]
        return pd.Categorical.from_codes(codes, described["categories"], ordered=described["ordered"])
    if kind == "bool":
        return text == "True"
    if kind == "text":
        return text
    if kind == "text or missing":
        return np.where(text == "", np.nan, text)
    return np.where(text == "", "nan", text).astype(_one_of(kind, NumberKind))


def _history(folder: Path) -> pd.DataFrame:
    file = entry(folder, HISTORY, most=TABLE, who="load: ")
    if not file.is_file():
        raise value_error(f"load: {str(file)!r} is missing.", do=AGAIN)
    with _telling_of_damage(file):
        text = pd.read_csv(file, dtype=object, keep_default_na=False)
        return pd.DataFrame({name: _numbers(column.tolist()) for name, column in text.items()}, columns=text.columns)


def _numbers(column: list[str]) -> np.ndarray:
    """Return whole numbers, or floats exact to the last bit, which pandas does not guarantee across versions."""
    try:
        return np.array([int(text) for text in column], np.int64)
    except ValueError:
        return np.array([float(text or "nan") for text in column])


def _one_of(found: object, kind: Any) -> Any:
    if found not in get_args(kind):
        raise value_error("an unknown word.", found=repr(found), expected=f"one of {sample(get_args(kind))}")
    return found


@contextmanager
def _telling_of_damage(file: Path) -> Iterator[None]:
    """Turn any problem with the content of a file into an error that names the file."""
    try:
        yield
    except InputValueError as error:
        if str(error).startswith("load: "):
            raise
        raise value_error(f"load: {str(file)!r} cannot be used: {error}") from error
    except (InputError, ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}"
        raise value_error(f"load: {str(file)!r} is damaged.", found=what, do=AGAIN) from error
