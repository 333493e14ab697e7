"""Training under way, in one file: weights, optimisers and the batches to come, so that it goes on to the same bits."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from crosstie._errors import value_error
from crosstie._log import log

if TYPE_CHECKING:
    from crosstie.model.batches import Batches

KEEP_EVERY = 30.0  # seconds between two times that the state is written
BATCHES = "batches."
Row = dict[str, float]


class Kept:
    """What a training keeps in a file, from time to time.

    Parameters
    ----------
    file
        Where; `None` keeps nothing.
    modules, optimisers
        What is trained, and by what.
    extra
        Further tensors that training changes in place.
    batches
        Whose draws are part of the state.
    """

    def __init__(
        self,
        file: Path | None,
        modules: list[torch.nn.Module],
        optimisers: list[torch.optim.Optimizer],
        extra: list[Tensor],
        batches: Batches,
    ) -> None:
        self.file, self.modules, self.optimisers, self.extra, self.batches = file, modules, optimisers, extra, batches
        self.last = time.monotonic()

    def keep(self, step: int, history: list[Row]) -> None:
        """Write the state after a step, if it is time to; the file appears whole."""
        if self.file is None or time.monotonic() - self.last < KEEP_EVERY:
            return
        tensors = {name: value.detach().cpu().contiguous() for name, value in self._tensors()}
        tensors |= {BATCHES + name: value for name, value in self.batches.state().items()}
        content = save(tensors, {"step": str(step), "history": json.dumps(history)})
        part = self.file.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(content)
        os.replace(part, self.file)
        self.last = time.monotonic()

    def restore(self) -> tuple[int, list[Row]]:
        """Take up the state that was written; return its step, 0 if there is none, and the history so far.

        Raises
        ------
        ValueError
            If the file is not of this training.
        """
        if self.file is None or not self.file.is_file():
            return 0, []
        try:
            with safe_open(self.file, framework="pt") as stored:
                about = stored.metadata() or {}
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a mapping
            step, history = int(about["step"]), json.loads(about["history"])
            draws = {name: tensors.pop(name) for name in list(tensors) if name.startswith(BATCHES)}
            self._start_optimisers(tensors)
            own = dict(self._tensors())
            if own.keys() != tensors.keys():
                raise KeyError("other weights")
            with torch.no_grad():
                for name, stored_value in tensors.items():
                    own[name].copy_(stored_value)
            self.batches.restore({name.removeprefix(BATCHES): value for name, value in draws.items()})
        except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
            raise value_error(
                f"resume: {str(self.file)!r} is not of this training.",
                found=str(error).splitlines()[0][:200],
                do="Remove it: training then starts anew.",
            ) from error
        log.info("training goes on after step %d.", step)
        return step, history

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for i, module in enumerate(self.modules):
            yield from ((f"module.{i}.{name}", weight) for name, weight in module.named_parameters())
        for i, optimiser in enumerate(self.optimisers):
            for j, weight in enumerate(_weights(optimiser)):
                for name, value in sorted(optimiser.state[weight].items()):
                    yield f"optimiser.{i}.{j}.{name}", value
        for i, value in enumerate(self.extra):
            yield f"extra.{i}", value

    def _start_optimisers(self, tensors: dict[str, Tensor]) -> None:
        """Give optimisers that took no step the state that they will have after one, with the stored values."""
        for i, optimiser in enumerate(self.optimisers):
            state: dict[int, dict[str, Any]] = {}
            for j, _ in enumerate(_weights(optimiser)):
                prefix = f"optimiser.{i}.{j}."
                state[j] = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _weights(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]
