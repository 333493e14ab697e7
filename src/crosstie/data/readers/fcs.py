"""Reads FCS files of flow and mass cytometry: events × proteins, compensated, on a linear scale."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crosstie._errors import sample, value_error
from crosstie._extras import require
from crosstie._log import log
from crosstie._typing import Array, Floats
from crosstie._untrusted_folder import entry
from crosstie.data.readers.fcs_channels import KINDS, Channel, channels_of
from crosstie.data.readers.request import Request

if TYPE_CHECKING:
    from anndata import AnnData

MAGIC = (b"FCS2.0", b"FCS3.0", b"FCS3.1")
ENDINGS = (".fcs", ".lmd")
FEATURE_TYPE = "Protein Intensity"
SAMPLE = "sample"  # column of obs: the file that an event is from, where there are several
LARGEST_CONDITION = 1e6  # a spillover matrix beyond this cannot be inverted


def is_fcs(path: Path) -> bool:
    """Return whether a file is FCS, or a folder holds such files."""
    if path.is_dir():
        return bool(_files_of(path))
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(6) in MAGIC


def read_fcs(path: Path, request: Request) -> AnnData:
    """Read an FCS file, or all FCS files of a folder as samples.

    Parameters
    ----------
    path
        A file of FCS 2.0, 3.0 or 3.1, or a folder of such files.
    request
        What is asked for; features are read without events.

    Returns
    -------
    Events × proteins, dense float32, on the linear scale of the instrument: amplifier gain and logarithm are undone,
    and the spillover matrix of the file is applied. Features are named after their markers (`$PnS`);
    `var["channel"]` holds the detectors (`$PnN`). All other channels are columns of `obs`, under the names of their
    detectors. The events of several files have the name of their file in `obs["sample"]`, and the markers that all
    files share.

    Raises
    ------
    ImportError
        If flowio is not installed.
    ValueError
        If a file is damaged, or no channel holds a protein.
    """
    require("fcs", "reading FCS files")
    said: set[str] = set()
    if path.is_file():
        return _read(path, request, said)
    parts = {name: _read(entry(path, name), request, said) for name in _files_of(path)}
    return _joined(path, parts) if len(parts) > 1 else next(iter(parts.values()))


def _files_of(folder: Path) -> list[str]:
    """Return the names of the FCS files in a folder, in their order."""
    return sorted(p.name for p in folder.iterdir() if p.suffix.lower() in ENDINGS and not p.name.startswith("."))


def _read(path: Path, request: Request, said: set[str]) -> AnnData:
    file = _opened(path, only_text=request.only_features)
    channels = channels_of(file.pnn_labels, file.pns_labels)
    used = [i for i, channel in enumerate(channels) if channel.kind == "protein"]
    if not used:
        found = sample(f"{c.name} {c.marker}".strip() for c in channels)
        raise value_error(
            f"{path} holds no protein.", found=f"channels {found}", expected="channels with markers ($PnS)"
        )
    var = pd.DataFrame(
        {"channel": [channels[i].name for i in used], "feature_types": pd.Categorical([FEATURE_TYPE] * len(used))}
    )
    var.index = pd.Index([channels[i].label for i in used])
    if request.only_features:
        return _anndata(None, var=var)
    events = _events(file)
    if len(events) != file.event_count:
        log.warning("%s holds %d events, and states %d: is the file whole?", path, len(events), file.event_count)
    compensated = _compensate(events, file, path)
    aside = {
        c.name.replace("/", "_"): events[:, i].astype(np.float32) for i, c in enumerate(channels) if c.kind != "protein"
    }
    obs = pd.DataFrame(aside, index=pd.Index([f"{path.stem}_{i + 1}" for i in range(len(events))]))
    _say(path, channels, compensated, said)
    return _anndata(events[:, used].astype(np.float32), obs=obs, var=var)


def _anndata(x: Array | None, **tables: pd.DataFrame) -> AnnData:
    from anndata import AnnData

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Variable names are not unique")  # a view numbers them, and says so
        return AnnData(x, **tables)


def _opened(path: Path, *, only_text: bool) -> Any:
    """Return the parsed file. Offsets that are off, which instruments do write, are mended and said."""
    import flowio
    from flowio.exceptions import DataOffsetDiscrepancyError, FCSParsingError, MultipleDataSetsError

    wishes: dict[str, Any] = {"only_text": only_text}
    for _ in range(3):
        try:
            # Opened here, for flowio leaves damaged files open.
            with path.open("rb") as file, warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # about offsets: said below
                return flowio.FlowData(file, **wishes)
        except MultipleDataSetsError:
            log.warning("%s holds several data sets; the first is read.", path)
            wishes["nextdata_offset"] = 0
        except (DataOffsetDiscrepancyError, FCSParsingError) as error:
            if "ignore_offset_error" in wishes:
                raise
            said = (
                str(error)
                .split(". Set ")[0]
                .removeprefix("FCS file ")
                .removeprefix(f"{path} ")
                .removeprefix(f"{path.name} ")
            )
            log.warning("%s %s; read nevertheless: look at its values before you trust them.", path, said)
            wishes |= {"ignore_offset_error": True, "ignore_offset_discrepancy": True}
    raise value_error(f"{path} cannot be read.", found="several data sets with wrong offsets", expected="an FCS file")


def _events(file: Any) -> Floats:
    """Return the events on a linear scale, shape `(n_events, n_channels)`."""
    try:
        float(file.text.get("timestep", 1))
    except ValueError:
        del file.text["timestep"]  # time stays in the units of the instrument
    events: Floats = file.as_array(preprocess=True)
    return events


def _compensate(events: Floats, file: Any, path: Path) -> int:
    """Undo the spillover between channels in place; return the number of channels concerned.

    An observed signal is the true one times the spillover matrix: the true one is the observed one times its inverse.
    """
    found = _spillover(file)
    if found is None:
        return 0
    names, matrix = found
    columns = [file.pnn_labels.index(name) for name in names if name in file.pnn_labels]
    if _unmixed(file.pnn_labels) and not columns:
        log.info("%s: its channels are compensated already.", path)
        return 0
    if len(columns) < len(names):
        missing = sample([name for name in names if name not in file.pnn_labels], 3)
        log.warning("%s: not compensated: the spillover matrix names channels that are not there: %s.", path, missing)
        return 0
    if np.array_equal(matrix, np.eye(len(matrix))):
        return 0
    if not np.isfinite(matrix).all() or np.linalg.cond(matrix) > LARGEST_CONDITION:
        log.warning("%s: not compensated: the spillover matrix cannot be inverted.", path)
        return 0
    events[:, columns] = np.linalg.solve(matrix.T, events[:, columns].T).T
    return len(columns)


def _unmixed(names: list[str]) -> bool:
    """Return whether the names of channels say that FlowJo or a spectral cytometer compensated them."""
    return any(name.lower().startswith(("comp-", "fjcomp-")) for name in names)


def _spillover(file: Any) -> tuple[list[str], Floats] | None:
    """Return the channels of the spillover matrix of a file, and the matrix; `None` if there is none.

    `$SPILLOVER` (FCS 3.1) and `SPILL` name their channels; `$COMP` (FCS 3.0) is of all fluorescence channels.
    """
    for key in ("spillover", "spill", "comp"):
        words = [word.strip() for word in str(file.text.get(key, "")).split(",")]
        if not words[0].isdigit():
            continue
        n = int(words[0])
        names = [file.pnn_labels[i] for i in file.fluoro_indices] if key == "comp" else words[1 : n + 1]
        numbers = words[1:] if key == "comp" else words[n + 1 :]
        if n < 2 or len(names) != n or len(numbers) != n * n:
            log.warning("not compensated: %s is not a matrix of %d channels.", f"${key.upper()}", n)
            continue
        try:
            return names, np.array(numbers, dtype=float).reshape(n, n)
        except ValueError:
            log.warning("not compensated: %s holds text where numbers are expected.", f"${key.upper()}")
    return None


def _joined(folder: Path, parts: dict[str, AnnData]) -> AnnData:
    """Return the events of all files, with the markers that all have; the others are said."""
    import anndata as ad

    for name, part in parts.items():
        part.var_names_make_unique()
        part.obs[SAMPLE] = Path(name).stem
    joined = ad.concat(list(parts.values()), join="inner", merge="first")
    markers = list(dict.fromkeys(marker for part in parts.values() for marker in part.var_names))
    shared = set(joined.var_names)
    if lost := [marker for marker in markers if marker not in shared]:
        log.warning("%s: %d markers are not in all files, and left out: %s.", folder, len(lost), sample(lost))
    if not len(joined.var_names):
        found = "; ".join(f"{name}: {sample(part.var_names, 3)}" for name, part in list(parts.items())[:3])
        raise value_error(f"{folder}: its files share no marker.", found=found, do="Give files of one panel.")
    log.info("%s: %d FCS files are samples: obs[%r].", folder, len(parts), SAMPLE)
    joined.obs[SAMPLE] = joined.obs[SAMPLE].astype("category")
    return joined


def _say(path: Path, channels: list[Channel], compensated: int, said: set[str]) -> None:
    """Say what the channels of a file are; what is true of all files of a folder is said once."""
    used = [channel for channel in channels if channel.kind == "protein"]
    done = f"compensated ({compensated} channels)" if compensated else "not compensated"
    texts = [f"{len(used)} proteins of {len(channels)} channels, {done}"]
    for kind, words in KINDS.items():
        if found := [channel.label for channel in channels if channel.kind == kind]:
            texts.append(f"set aside in obs ({words}): {sample(found)}")
    for text in texts:
        if text not in said:
            log.info("%s: %s.", path, text)
    if not said and not any(channel.marker for channel in used):
        do = "features are named after detectors, which cannot be linked"
        log.warning("%s: no channel has a marker ($PnS): %s.", path, do)
    said.update(texts)
