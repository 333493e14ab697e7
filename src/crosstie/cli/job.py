"""One integration as a whole, from inputs to options: what the command line asks for, and what run.json records."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosstie._errors import InputValueError, sample, value_error

if TYPE_CHECKING:
    from crosstie.config import Config


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one call of `crosstie integrate` does.

    Each field but `inputs` and `config` is an option of the command, with its type and default. The options in TOML
    files and in run.json are these fields.

    Parameters
    ----------
    inputs
        The file of each view; a single MuData file is under the name `""`.
    out
        Folder of the run.
    config
        All settings of the model.
    links, genes
        Tables of linked features and of genes.
    names, cells, modality, slot, batch_key, section_key
        NAME=WORD, or one word for all views.
    reference
        Files of paired data, or of learned links.
    panel_key
        NAME=COLUMN: batches of a view that measured different features, to become a view for each panel.
    droplets
        Unfiltered matrix, from whose empty droplets the background of proteins is taken off.
    use
        Views to use of a single file, separated by commas; `None` uses all that take part.
    paired
        NAME,NAME: two views in which cells of the same name are the same.
    label_key, pairs
        What is known about the cells.
    positions
        Whether positions of cells in a tissue are used.
    seed, device, plots, verdict, drop_suspicious
        As the options say.
    """

    inputs: Mapping[str, Path]
    out: Path
    config: Config
    links: Path | None = None
    genes: Path | None = None
    reference: tuple[Path, ...] = ()
    droplets: Path | None = None
    names: tuple[str, ...] = ()
    use: str | None = None
    cells: tuple[str, ...] = ()
    modality: tuple[str, ...] = ()
    slot: tuple[str, ...] = ()
    batch_key: tuple[str, ...] = ()
    section_key: tuple[str, ...] = ()
    panel_key: tuple[str, ...] = ()
    positions: bool = True
    paired: tuple[str, ...] = field(default=(), metadata={"kind": "pairs"})
    label_key: str | None = None
    pairs: str = "auto"
    seed: int = 0
    device: str = "auto"
    plots: bool = True
    verdict: bool = True
    drop_suspicious: bool = False

    @property
    def files(self) -> dict[str, Path]:
        """What is read besides the views."""
        found = {name: path for name in ("links", "genes", "droplets") if (path := getattr(self, name)) is not None}
        return found | {f"reference {n}": path for n, path in enumerate(self.reference, 1)}

    @classmethod
    def of(cls, inputs: Mapping[str, Path], config: Config, options: Mapping[str, Any]) -> Job:
        """Return the job that the options of the command ask for.

        Parameters
        ----------
        inputs, config
            As of the job.
        options
            Values of the command's parameters, by name. Those that are no fields of a job are ignored.
        """
        found = {name: options[name] for name in OPTION_KINDS if name in cls.__dataclass_fields__}
        return cls(inputs=inputs, config=config, **{name: _unlisted(name, value) for name, value in found.items()})

    def as_dict(self, place: Callable[[Path], str]) -> dict[str, Any]:
        """Return the job as it is in a file, with every path as `place` writes it, and without what is not set."""
        inputs: Any = place(self.inputs[""]) if "" in self.inputs else {n: place(p) for n, p in self.inputs.items()}
        options: dict[str, Any] = {}
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name not in _NO_OPTIONS and value not in (None, ()):
                paths = OPTION_KINDS[option.name] == "paths"
                listed = [place(path) for path in value] if paths else _listed(value)
                options[option.name] = place(value) if isinstance(value, Path) else listed
        return {"inputs": inputs, "options": options, "config": asdict(self.config)}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any], **changes: Any) -> Job:
        """Return the job that `as_dict` wrote, with some options changed.

        Raises
        ------
        ValueError
            If a part is missing, unknown or of the wrong kind: the file may come from someone else.
        """
        from crosstie.config import Config

        inputs, options = found.get("inputs"), found.get("options")
        if not isinstance(options, dict) or not isinstance(found.get("config"), dict):
            raise value_error("the settings lack options or config.", found=sample(found))
        if "scheduler" in options:
            raise no_scheduler("the settings")
        known = [name for name in OPTION_KINDS if name in cls.__dataclass_fields__]
        wrong = [name for name, value in options.items() if name not in known or not _is_of(OPTION_KINDS[name], value)]
        if wrong:
            raise value_error("the settings have options that are unknown or of the wrong kind.", found=sample(wrong))
        values = {name: _unlisted(name, value) for name, value in options.items()}
        return cls(inputs=_paths(inputs), config=Config.from_json(json.dumps(found["config"])), **(values | changes))


# What an option is in a file; "by view" is a word for all views or a table of view = word.
_KINDS = {
    "Path": "path",
    "Path | None": "path",
    "tuple[Path, ...]": "paths",
    "tuple[str, ...]": "by view",
    "str": "text",
    "str | None": "text",
    "int": "whole number",
    "bool": "true or false",
}
_NO_OPTIONS = ("inputs", "config")
OPTION_KINDS: dict[str, str] = {
    option.name: option.metadata.get("kind") or _KINDS[str(option.type)]
    for option in fields(Job)
    if option.name not in _NO_OPTIONS
} | {"preset": "text"}


def no_scheduler(where: object) -> InputValueError:
    """Return the error for a file that names a dask scheduler: its workers can run code in this process."""
    return value_error(
        f"{where}: a file cannot name a scheduler.",
        found="scheduler",
        do="Use --scheduler ADDRESS or the environment variable CROSSTIE_SCHEDULER if you trust the cluster.",
    )


def _paths(inputs: Any) -> dict[str, Path]:
    """Return the file of each view as settings name them."""
    if isinstance(inputs, str):
        return {"": Path(inputs)}
    if not isinstance(inputs, dict) or not all(isinstance(path, str) for path in inputs.values()):
        raise value_error("the settings do not name the file of each view.", found=repr(inputs)[:100])
    from crosstie.data.view_names import check_view_names

    check_view_names(inputs)
    return {name: Path(path) for name, path in inputs.items()}


def _is_of(kind: str, value: Any) -> bool:
    """Whether the value of an option in a file is of its kind."""
    if kind in ("by view", "pairs", "paths"):
        return isinstance(value, list) and all(isinstance(word, str) for word in value)
    if kind == "whole number":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, bool if kind == "true or false" else str)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _unlisted(name: str, value: Any) -> Any:
    """Return the value of an option as a job has it."""
    kind = OPTION_KINDS.get(name)
    if kind == "path" and value is not None:
        return Path(value)
    if kind == "paths":
        return tuple(Path(path) for path in value or ())
    return tuple(value or ()) if kind in ("by view", "pairs") else value
