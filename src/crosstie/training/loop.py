"""The training loop: from a `Problem` and a `Config` to networks and their history, on one page."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from crosstie._errors import message
from crosstie._ranks import Group
from crosstie._typing import Tick
from crosstie.config import Config
from crosstie.training.adversary import Adversary
from crosstie.training.best_step import Best
from crosstie.training.checkpoint import Kept
from crosstie.training.device import choose_device, choose_precision
from crosstie.training.distributed import ALONE, Together
from crosstie.training.minibatches import Batch, Batches
from crosstie.training.networks import Networks
from crosstie.training.problem import Problem
from crosstie.training.terms import Term, make_terms


def fit(
    problem: Problem,
    config: Config,
    *,
    seed: int = 0,
    device: str = "auto",
    log_every: int = 50,
    progress: Tick | None = None,
    watch: Callable[[int, Networks], None] | None = None,
    group: Group | None = None,
    state: Path | None = None,
) -> tuple[Networks, pd.DataFrame]:
    """Train the networks of a problem.

    The same seed on the same machine gives bit-identical results. torch's global random state does not change.

    Parameters
    ----------
    problem, config
        The training data, and the settings.
    device
        `"auto"` (CUDA if there is one, else the CPU) or a torch device such as `"cpu"`, `"cuda:1"`, `"mps"`.
    log_every
        Steps between two rows of the history, which also has the first and the last step.
    progress
        Called as `progress(step, n_steps, losses)` whenever the history gains a row.
    watch
        Called as `watch(step, networks)` at the same times.
    group
        Processes that train together, each with the whole problem; all return the same result.
    state
        Checkpoint file; if it exists, training resumes from it bit-for-bit. With several processes, that of the first
        one is used.

    Returns
    -------
    The networks, on the CPU, and a table with columns `step`, one per term, `total` and, with a critic, `critic`.

    Raises
    ------
    ValueError
        If the problem lacks what the settings need, such as anchors of an edge (before the first step), or `state`
        belongs to another training.
    FloatingPointError
        If a term or the gradient becomes infinite or NaN; the message names it and the step.
    WorkerLostError
        If another rank is lost.
    """
    problem.require(config)
    together = Together(group)
    where = choose_device(device)
    config = replace(config, precision=choose_precision(config.precision, where))
    for_weights, for_batches = generators(seed)
    net = Networks.start(problem, config, for_weights).to(where)
    adversarial = config.alignment == "adversarial" and config.adversarial > 0
    adversary = Adversary(problem.edges, config, for_weights).to(where) if adversarial else None
    terms = make_terms(problem.views, problem.edges, config)
    batches = Batches(problem, config, generator=for_batches, device=where)
    trained: list[torch.nn.Module] = [net] if adversary is None else [net, adversary]
    optimisers: list[torch.optim.Optimizer] = [make_optimiser(module, config) for module in trained]
    best = Best(net, problem, config).to(where)
    kept = Kept(state, together, [*trained, best], optimisers, batches)
    before, history = kept.restore()
    with threads(choose_threads(problem, config)):
        for step in range(before + 1, config.n_steps + 1):
            set_rate(optimisers, step, config)
            batch = together.trim(batches.draw())
            losses = train_step(net, terms, adversary, batch, optimisers, config, together)
            check_finite(losses, step)
            if step == 1 or step % log_every == 0 or step == config.n_steps:
                together.average(losses.values())
                values = {name: float(value) for name, value in losses.items() if name != "gradient"} | best.look(net)
                history.append({"step": step, **values})
                if progress is not None:
                    progress(step, config.n_steps, values)
                if watch is not None:
                    watch(step, net)
            kept.keep(step, history)
    best.keep(net)
    return net.cpu().eval(), pd.DataFrame(history)


def generators(seed: int) -> tuple[torch.Generator, torch.Generator]:
    """Return one source of random numbers for weights and one for batches: two settings see the same batches."""
    first, second = np.random.SeedSequence(seed).generate_state(2)
    return torch.Generator().manual_seed(int(first)), torch.Generator().manual_seed(int(second))


def train_step(
    net: Networks,
    terms: dict[str, Term],
    adversary: Adversary | None,
    batch: Batch,
    optimisers: Sequence[torch.optim.Optimizer],
    config: Config,
    together: Together = ALONE,
) -> dict[str, Tensor]:
    """Take one step: the critics several times on the latents as they are, then encoders and decoders once."""
    share = together.share(batch)
    z = {view: net.encode(view, x) for view, x in share.x.items()}
    critic = None
    if adversary is not None:
        for _ in range(config.critic_steps):
            critic = adversary.critic_loss(z)
            descend(critic, optimisers[1], math.inf, together)
    of_all = together.gather(z) if any(term.whole for term in terms.values()) else z
    losses = {
        name: together.weigh(term(net, batch, of_all)) if term.whole else term(net, share, z)
        for name, term in terms.items()
    }
    if adversary is not None:
        losses["adversarial"] = adversary.encoder_loss(z)
    total = torch.stack([getattr(config, name) * value for name, value in losses.items()]).sum()
    gradient = descend(total, optimisers[0], config.grad_clip, together)
    losses["total"] = total
    if critic is not None:
        losses["critic"] = critic
    return {name: value.detach() for name, value in losses.items()} | {"gradient": gradient}


def descend(loss: Tensor, optimiser: torch.optim.Optimizer, clip: float, together: Together = ALONE) -> Tensor:
    """Take one step down `loss` with the optimiser's weights alone; return the norm of the unclipped gradient.

    An infinite `clip` neither measures nor clips it.
    """
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    optimiser.zero_grad(set_to_none=True)
    loss.backward(inputs=weights)
    together.average(weight.grad for weight in weights if weight.grad is not None)
    norm = torch.nn.utils.clip_grad_norm_(weights, clip) if clip < math.inf else loss.detach()
    optimiser.step()
    return norm


def make_optimiser(module: torch.nn.Module, config: Config) -> torch.optim.Adam:
    """Return Adam, without weight decay for the linear maps of residual networks, which should not shrink to zero."""
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for name, weight in module.named_parameters():
        if weight.requires_grad:
            groups.setdefault(0.0 if ".linear." in name else config.weight_decay, []).append(weight)
    settings = [{"params": weights, "weight_decay": decay} for decay, weights in groups.items()]
    try:
        return torch.optim.Adam(settings, lr=config.learning_rate, betas=config.betas, fused=True)
    except RuntimeError:  # this torch has no fused Adam for this device
        return torch.optim.Adam(settings, lr=config.learning_rate, betas=config.betas)


def set_rate(optimisers: Sequence[torch.optim.Optimizer], step: int, config: Config) -> None:
    """Set the learning rate of a step; steps count from 1, and the first has the full rate."""
    if config.schedule == "cosine":
        share = 0.5 * (1 + math.cos(math.pi * (step - 1) / config.n_steps))
        for group in (group for optimiser in optimisers for group in optimiser.param_groups):
            group["lr"] = config.learning_rate * share


def check_finite(losses: dict[str, Tensor], step: int) -> None:
    """Raise `FloatingPointError` if a value is not finite."""
    if torch.stack(tuple(losses.values())).isfinite().all():
        return
    wrong = [name for name, value in losses.items() if not value.isfinite()]
    raise FloatingPointError(
        message(
            f"training: {', '.join(wrong)} not finite at step {step}.",
            found=", ".join(f"{name} = {float(value):.4g}" for name, value in losses.items()),
            do="Lower learning_rate, and look for extreme values in the inputs: they should be scaled.",
        )
    )


def choose_threads(problem: Problem, config: Config) -> int:
    """Return how many threads torch should use: one for small products.

    This is a rule rather than a measurement, because the number of threads affects the last bits of a sum. Below about
    3·10⁸ multiplications a layer, more threads cost more than they save, especially on shared cores.
    """
    widest = max(config.hidden * max(problem.n_inputs.values()), config.critic_hidden**2)
    return 1 if config.batch_size * widest < 3 * 10**8 else torch.get_num_threads()


@contextmanager
def threads(n_threads: int) -> Iterator[None]:
    """Run with this many torch threads, then restore the previous setting."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
