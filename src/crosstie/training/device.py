"""The device to compute on: the word a user gives, checked without torch, and torch's device for it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from crosstie._errors import value_error
from crosstie._extras import require
from crosstie._log import log
from crosstie._ranks import local_rank
from crosstie.anchors.engine import computing_with

if TYPE_CHECKING:
    import torch

    from crosstie._typing import Precision

# What `torch.cpu.get_capabilities` calls the instructions for products in bfloat16, on x86 and on ARM.
_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
_WORD = re.compile(r"auto|(cpu|cuda|mps|xpu)(:\d{1,3})?")


def check_device(device: str) -> None:
    """Raise unless a word names a device: `auto`, `cpu`, `cuda`, `cuda:1`, `mps` or `xpu`."""
    if not isinstance(device, str) or _WORD.fullmatch(device) is None:
        raise value_error(
            f"device {device!r} is unknown.",
            expected="auto, cpu, cuda, cuda:1, mps or xpu",
            do='Leave it out, or write device="cuda" for an NVIDIA GPU.',
            cli={
                "what": f"--device {device} is unknown.",
                "do": "Leave it out, or write --device cuda for an NVIDIA GPU.",
            },
        )


@contextmanager
def on_device(device: str) -> Iterator[None]:
    """Search neighbours and compute transport on a device inside the block, such as a GPU.

    `xt.integrate(..., device="cuda")` does the same for the fit; the block is for what follows it, such as labels and
    matches of many cells. The search is exact at any number of cells; on a CPU it is approximate from 50,000 on.

    Parameters
    ----------
    device
        `"cuda"`, `"cuda:1"`, `"mps"` or `"xpu"`. `"cpu"` is the CPU, also inside another such block; `"auto"` changes
        nothing. It holds for the calling thread.

    Raises
    ------
    ValueError
        If the word names no device, or one that this machine does not have.
    ImportError
        If torch is not installed.

    Examples
    --------
    >>> with xt.on_device("cuda"):  # doctest: +SKIP
    ...     labels = xt.tl.transfer_labels(model, "rna", "adt", key="cell_type")
    """
    check_device(device)
    if device == "auto":
        yield
        return
    engine = None
    if not device.startswith("cpu"):
        require("train", f"device {device!r}")
        from crosstie.training.device_engine import TorchEngine

        engine = TorchEngine(choose_device(device))
    with computing_with(engine):
        yield


def choose_device(device: str) -> torch.device:
    """Return the requested device; `"auto"` is CUDA if available, else the CPU.

    Processes started by torchrun on one machine take one GPU each.
    """
    import torch

    if device == "auto":
        return torch.device(f"cuda:{local_rank()}" if torch.cuda.is_available() else "cpu")
    check_device(device)
    chosen = torch.device(device)
    n_there = {
        "cuda": torch.cuda.device_count,
        "mps": lambda: int(torch.backends.mps.is_available()),
        "xpu": lambda: torch.xpu.device_count() if hasattr(torch, "xpu") else 0,
    }
    n_devices = n_there.get(chosen.type, lambda: 1)()
    if (chosen.index or 0) >= n_devices:
        raise value_error(
            f"device {device!r} is not on this machine.",
            found=f"{n_devices} of this kind",
            do='Take device="auto" or "cpu".',
            cli={"what": f"--device {device} is not on this machine.", "do": "Take --device auto or --device cpu."},
        )
    return chosen


def choose_precision(precision: Precision, device: torch.device) -> Precision:
    """Return the requested precision; single precision, with a warning, where bfloat16 would have to be emulated."""
    import torch

    if precision == "float32" or device.type not in ("cpu", "cuda"):
        return precision
    if device.type == "cuda":
        there, lacking = torch.cuda.get_device_capability(device) >= (8, 0), "this card has no bfloat16"
    elif hasattr(torch.cpu, "get_capabilities"):
        capabilities: Mapping[str, object] = torch.cpu.get_capabilities()
        there = any(capabilities.get(name, False) for name in _BFLOAT16)
        lacking = "this processor has no instructions for bfloat16"
    else:
        there, lacking = False, "this torch is too old to tell whether the processor has instructions for bfloat16"
    if not there:
        log.warning("training: %s; float32 is used, which is faster than emulating it.", lacking)
    return precision if there else "float32"
