"""The device that networks are trained on: the word a user gives, checked without torch, and torch's device for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crosstie._errors import value_error
from crosstie._log import log
from crosstie._ranks import local_rank

if TYPE_CHECKING:
    import torch

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


def say_unused(device: str) -> None:
    """Warn that a fit without training does not use the device that was asked for."""
    if device == "auto" or device.startswith("cpu"):
        return
    why = "is not used: only training uses a device, and the closed form runs on the CPU. To train,"
    in_python = f'device %r {why} give config=xt.Config(training="full").'
    log.warning(in_python, device, extra={"cli": f"--device %s {why} add --preset trained."})


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
