"""Checkpoint of a training in one file: weights, optimisers and the state of the minibatches; resumes bit-for-bit."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from crosstie._errors import value_error
from crosstie._files import new_file
from crosstie._log import log

if TYPE_CHECKING:
    from crosstie.training.distributed import Together
    from crosstie.training.minibatches import Batches

KEEP_EVERY = 30.0  # seconds between two times that the state is written
ABOUT, BATCHES = "about", "batches."
Row = dict[str, float]


class Kept:
    """Saves the state of a training from time to time; with several processes, the first one saves for all.

    Parameters
    ----------
    file
        Path of the file; `None` saves nothing.
    together
        The processes that train.
    modules, optimisers
        The trained modules and their optimisers.
    batches
        The minibatches, whose random state is saved, too.
    """

    def __init__(
        self,
        file: Path | None,
        together: Together,
        modules: list[torch.nn.Module],
        optimisers: list[torch.optim.Optimizer],
        batches: Batches,
    ) -> None:
        self.file, self.together = file, together
        self.modules, self.optimisers, self.batches = modules, optimisers, batches
        self.last = time.monotonic()

    def keep(self, step: int, history: list[Row]) -> None:
        """Save the state after a step, if enough time has passed; the file appears complete or not at all."""
        if self.file is None or self.together.rank > 0 or time.monotonic() - self.last < KEEP_EVERY:
            return
        tensors = {name: value.detach().cpu().contiguous() for name, value in self._tensors()}
        tensors |= {BATCHES + name: value for name, value in self.batches.state().items()}
        tensors[ABOUT] = torch.frombuffer(bytearray(json.dumps([step, history]).encode()), dtype=torch.uint8)
        with new_file(self.file) as part:
            part.write_bytes(save(tensors))
        self.last = time.monotonic()

    def restore(self) -> tuple[int, list[Row]]:
        """Restore the saved state; return its step (0 without one) and the history so far.

        Raises
        ------
        ValueError
            If the file belongs to another training.
        """
        there = self.file is not None and self.together.rank == 0 and self.file.is_file()
        content = self.together.of_first(self.file.read_bytes() if there and self.file is not None else b"")
        if not content:
            return 0, []
        try:
            tensors = load(content)
            step, history = json.loads(bytes(tensors.pop(ABOUT).numpy()))
            draws = {name: tensors.pop(name) for name in list(tensors) if name.startswith(BATCHES)}
            self._start_optimisers(tensors)
            own = dict(self._tensors())
            if own.keys() != tensors.keys():
                raise KeyError("other weights")
            with torch.no_grad():
                for name, stored_value in tensors.items():
                    own[name].copy_(stored_value)
            self.batches.restore({name.removeprefix(BATCHES): value for name, value in draws.items()})
        except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise value_error(
                f"resume: {str(self.file)!r} is not of this training.",
                found=str(error).splitlines()[0][:200],
                do="Remove it: training then starts anew.",
            ) from error
        log.info("training resumes after step %d.", step)
        return step, history

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for i, module in enumerate(self.modules):
            yield from ((f"module.{i}.{name}", weight) for name, weight in module.named_parameters())
        for i, optimiser in enumerate(self.optimisers):
            for j, weight in enumerate(_weights(optimiser)):
                for name, value in sorted(optimiser.state[weight].items()):
                    yield f"optimiser.{i}.{j}.{name}", value

    def _start_optimisers(self, tensors: dict[str, Tensor]) -> None:
        """Fill the state of new optimisers with the stored values."""
        for i, optimiser in enumerate(self.optimisers):
            state: dict[int, dict[str, Any]] = {}
            for j, _ in enumerate(_weights(optimiser)):
                prefix = f"optimiser.{i}.{j}."
                state[j] = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _weights(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return [weight for group in optimiser.param_groups for weight in group["params"]]
