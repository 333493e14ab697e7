"""Settings in files: TOML files of inputs, options and settings, read and written; JSON files of settings.

    inputs = "both.h5mu"          # or a section: [inputs], rna = "rna.h5ad", adt = "adt.h5ad"
    [options]                     # the options of crosstie integrate, without their dashes
    out = "run"
    [config]                      # fields of xt.Config
    n_rounds = 6

Paths in a file are relative to its folder. The command line wins over the file. A file cannot name a dask scheduler.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from crosstie._errors import sample, unknown_name, value_error
from crosstie._files import entry_of, new_file
from crosstie.cli.job import OPTION_KINDS, Job, no_scheduler

if TYPE_CHECKING:
    from crosstie.config import Config

PRESETS = ("default", "trained", "scmodal")
LARGEST = 2**20  # bytes of a file of settings
_SECTIONS = ("inputs", "options", "config")


def is_toml(path: Path | None) -> bool:
    """Return whether a file of settings is TOML; otherwise it is JSON."""
    return path is not None and path.suffix == ".toml"


def from_file(ctx: typer.Context, path: Path | None) -> Path | None:
    """Take the content of a TOML file as defaults of the command, so that the command line wins."""
    if path is not None and is_toml(path):
        ctx.default_map = {**(ctx.default_map or {}), **defaults_of(path)}
    return path


def defaults_of(path: Path) -> dict[str, Any]:
    """Return the inputs and options in a TOML file, by name of the command's parameters.

    Raises
    ------
    ValueError
        If the file cannot be read, or has an unknown key or a value of the wrong kind.
    """
    found = read_toml(path)
    folder = path.parent  # as given, so that the output does not depend on the working directory
    out: dict[str, Any] = {}
    inputs = found.get("inputs", {})
    if isinstance(inputs, str):
        out["views"] = [str(folder / inputs)]
    elif inputs:
        out["views"] = [f"{view}={folder / str(file)}" for view, file in inputs.items()]
    for key, value in found.get("options", {}).items():
        name = _parameter(key)
        out[name] = _option(path, key, value, OPTION_KINDS[name], folder)
    return out


def config_of(path: Path) -> dict[str, Any]:
    """Return the section of a TOML file with the fields of `xt.Config`."""
    return dict(read_toml(path).get("config", {}))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a file of settings and check its keys; the error names every unknown key and similar known ones."""
    import tomllib

    from crosstie.data.read_files import read_file

    found: dict[str, Any] = read_file(path, lambda file: tomllib.loads(_text_of(file)), "a TOML file")
    from crosstie.config import Config

    for section in ("options", "config"):
        if not isinstance(found.get(section, {}), dict):
            raise value_error(f"{path}: {section} is not a section.", do=f"Write [{section}] and its keys below.")
    if not isinstance(found.get("inputs", {}), (dict, str)):
        raise value_error(f"{path}: inputs is neither a section nor a file.", do="Write [inputs] and its keys below.")
    if any("scheduler" in found.get(section, {}) for section in ("options", "config")) or "scheduler" in found:
        raise no_scheduler(path)
    options = [name.replace("_", "-") for name in OPTION_KINDS]
    known = {"": list(_SECTIONS), "options": options, "config": [field.name for field in fields(Config)]}
    asked = {"": found, "options": found.get("options", {}), "config": found.get("config", {})}
    wrong = [
        _unknown(section, key, known[section], known)
        for section, keys in asked.items()
        for key in keys
        if (key.replace("_", "-") if section == "options" else key) not in known[section]
    ]
    if wrong:
        what = f"{path}: {len(wrong)} unknown key{'s' * (len(wrong) > 1)}."
        raise value_error("\n  ".join([what, *wrong]))
    return found


def _text_of(path: Path) -> str:
    size = path.stat().st_size
    if size > LARGEST:
        raise value_error(
            f"{path} is too large for settings.", found=f"{size:,} bytes", expected=f"at most {LARGEST:,}"
        )
    return path.read_text(encoding="utf-8")


def _unknown(section: str, key: str, known: list[str], all_known: Mapping[str, list[str]]) -> str:
    name = f"[{section}] {key}" if section else key
    near = get_close_matches(key.replace("_", "-") if section == "options" else key, known, n=2)
    if near:
        return f"{name}: did you mean {' or '.join(near)}?"
    for other, names in all_known.items():
        for spelled in (key, key.replace("_", "-")):
            if spelled in names:
                return f"{name}: it belongs in [{other}]." if other else f"{name}: it belongs outside all sections."
    return f"{name}: expected one of {sample(known, 20)}"


def _parameter(key: str) -> str:
    return key.replace("-", "_")


def _option(path: Path, key: str, value: Any, kind: str, folder: Path) -> Any:
    """Return a value as the command line would give it."""
    listed = value if isinstance(value, list) else [value]
    if kind == "path" and isinstance(value, str):
        return str(folder / value)
    if kind == "paths" and all(isinstance(file, str) for file in listed):
        return [str(folder / file) for file in listed]
    if kind == "text" and isinstance(value, str):
        return value
    if kind == "whole number" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if kind == "true or false" and isinstance(value, bool):
        return value
    if kind == "by view" and isinstance(value, dict) and all(isinstance(word, str) for word in value.values()):
        return [f"{view}={word}" for view, word in value.items()]
    if kind == "by view" and all(isinstance(word, str) for word in listed):
        return listed
    if kind == "pairs":
        texts = [",".join(map(str, pair)) if isinstance(pair, list) else pair for pair in listed]
        if all(isinstance(text, str) for text in texts):
            return texts
    expected = {
        "by view": "a word, or a table of view = word",
        "pairs": 'a list of pairs: [["rna", "atac"]]',
        "path": "a path, as text",
        "paths": "a list of paths",
    }.get(kind, kind)
    raise value_error(f"{path}: [options] {key} is of the wrong kind.", found=repr(value), expected=expected)


def make_config(preset: str, file: Path | None, words: list[str] | None) -> Config:
    """Return the settings of the model: a preset or a file, changed by single settings given as KEY=VALUE.

    Raises
    ------
    KeyError
        If there is no such preset or setting.
    TypeError, ValueError
        If the file cannot be read, or a value is not allowed.
    """
    from dataclasses import replace

    from crosstie.config import Config
    from crosstie.data.read_files import read_file

    if preset not in PRESETS:
        raise unknown_name("--preset", preset, PRESETS)
    json_file = file is not None and not is_toml(file)
    if json_file and preset != "default":
        raise value_error("--preset and --config exclude each other.", do="Change single settings with --set.")
    config = {"default": Config(), "trained": replace(Config(), training="full"), "scmodal": Config.scmodal()}[preset]
    changes: dict[str, object] = {}
    if file is not None and json_file:
        config = Config.from_json(read_file(file, _text_of, "a JSON file"))
    elif file is not None:
        changes = config_of(file)
    known = [field.name for field in fields(Config)]
    for text in words or ():
        key, sign, word = text.partition("=")
        if key not in known:
            raise unknown_name("--set", key, known)
        if not sign:
            raise value_error(f"--set {text!r} is not of the form KEY=VALUE.", do=f"Write {key}=VALUE.")
        changes[key] = _value(word, getattr(config, key))
    return Config.from_json(json.dumps(asdict(config) | changes)) if changes else config


def _value(word: str, default: object) -> object:
    """Read a value as JSON would; a bare word is itself, and `1,2` a pair where the setting is one."""
    try:
        return json.loads(f"[{word.strip('[]()')}]" if isinstance(default, tuple) else word)
    except json.JSONDecodeError:
        return word


def write_toml(job: Job, path: Path) -> None:
    """Write the settings of a job; paths below the file's folder are written relative to it.

    Raises
    ------
    ValueError
        If the file exists, does not end in .toml, or its folder does not exist.
    """
    path = entry_of(path)
    what = f"--write-config {path} cannot be written."
    if path.suffix != ".toml":
        raise value_error(what, found=f"ending {path.suffix!r}", expected="'.toml'")
    if os.path.lexists(path) or not path.parent.is_dir():
        raise value_error(what, found="it exists" if os.path.lexists(path) else f"no folder {path.parent}")

    def place(file: Path) -> str:
        file = Path(os.path.abspath(file))
        inside = file.is_relative_to(path.parent)
        return (file.relative_to(path.parent) if inside else file).as_posix()

    with new_file(path) as part:
        part.write_text(as_toml(job.as_dict(place)), encoding="utf-8", newline="\n")


def as_toml(found: Mapping[str, Any]) -> str:
    """Return settings as TOML text."""
    alone = [f"{key} = {_toml(value)}" for key, value in found.items() if not isinstance(value, dict)]
    sections = [
        "\n".join([f"[{section}]", *(f"{_toml_key(key)} = {_toml(value)}" for key, value in keys.items())])
        for section, keys in found.items()
        if isinstance(keys, dict)
    ]
    return "\n\n".join([*(["\n".join(alone)] if alone else []), *sections]) + "\n"


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: Any) -> str:
    """Return a value as TOML: text, numbers and lists of them are written as in JSON."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
