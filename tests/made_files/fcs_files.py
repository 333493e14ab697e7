"""Writes FCS files of flow and mass cytometers, version by version, as the standards lay them out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TYPES = {"F": "f4", "D": "f8", "I": "u2"}


def write_fcs(
    path: Path,
    events,
    names,
    markers=None,
    *,
    version="3.1",
    datatype="F",
    big_endian=False,
    decades=None,
    gains=None,
    header_off=0,
    text_room=4096,
    keywords=None,
):
    """Write events as stored, shape `(n_events, n_channels)`: `decades` and `gains` say what they stand for."""
    raw = np.asarray(events).astype((">" if big_endian else "<") + TYPES[datatype]).tobytes()
    order = "4,3,2,1" if big_endian else "1,2,3,4"
    text = {"$MODE": "L", "$BYTEORD": order, "$DATATYPE": datatype, "$NEXTDATA": "0"}
    text |= {"$PAR": str(len(names)), "$TOT": str(len(events))}
    for i, name in enumerate(names, 1):
        log = (decades or {}).get(name, 0)
        text |= {f"$P{i}N": name, f"$P{i}B": str(8 * int(TYPES[datatype][1])), f"$P{i}R": "1024" if log else "65536"}
        text |= {f"$P{i}E": f"{log},1" if log else "0,0"}
        if markers is not None and markers[i - 1]:
            text[f"$P{i}S"] = markers[i - 1]
        if gains and name in gains:
            text[f"$P{i}G"] = str(gains[name])
    text |= keywords or {}
    start = 58 + text_room
    if version != "2.0":
        text |= {"$BEGINDATA": str(start), "$ENDDATA": str(start + len(raw) - 1)}
        text |= {"$BEGINANALYSIS": "0", "$ENDANALYSIS": "0", "$BEGINSTEXT": "0", "$ENDSTEXT": "0"}
    body = "|" + "|".join(f"{key}|{value}" for key, value in text.items()) + "|"
    encoded = body.encode().ljust(text_room)
    offsets = (58, 58 + len(body.encode()) - 1, start + header_off, start + len(raw) - 1 + header_off, 0, 0)
    header = f"FCS{version}    " + "".join(f"{offset:>8}" for offset in offsets)
    path.write_bytes(header.encode() + encoded + raw)
    return path
