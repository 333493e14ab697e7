"""The authors' code and ours, step by step: the same inputs, first weights and minibatches give the same losses.

Runs where $SCMODAL_PATH names a copy of their code (github.com/gefeiwang/scMODAL), which is never part of this one.
"""

import importlib
import os
import sys
import types
from dataclasses import replace

import numpy as np
import pytest
import torch

import oracles
from crosstie.config import Config
from crosstie.training.adversary import Adversary
from crosstie.training.loop import make_optimiser, train_step
from crosstie.training.minibatches import Batch
from crosstie.training.networks import Networks
from crosstie.training.terms import make_terms

N_CELLS, N_SHARED, N_STEPS, SIZE = 400, 12, 20, 100
WIDTHS = {"rna": 700, "adt": 40}


@pytest.fixture
def scmodal(monkeypatch):
    if "SCMODAL_PATH" not in os.environ:
        pytest.skip("needs the authors' code at $SCMODAL_PATH")
    monkeypatch.syspath_prepend(os.environ["SCMODAL_PATH"])
    for name in ("annoy", "umap"):  # imported by their code, and not needed: neighbours here are exact, on both sides
        monkeypatch.setitem(sys.modules, name, types.SimpleNamespace(AnnoyIndex=None))
    yield importlib.import_module("scmodal.model")
    for name in [name for name in sys.modules if name.partition(".")[0] == "scmodal"]:
        del sys.modules[name]


def views():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(N_CELLS, 6))
    x = {name: signal @ rng.normal(size=(6, p)) + rng.normal(size=(N_CELLS, p)) for name, p in WIDTHS.items()}
    x["adt"][:, :N_SHARED] = x["rna"][:, :N_SHARED] + 0.5 * rng.normal(size=(N_CELLS, N_SHARED))
    return {name: ((x - x.mean(0)) / x.std(0)).astype(np.float32) for name, x in x.items()}


def run_theirs(scmodal, x, folder, monkeypatch):
    """Return the losses of the critic and in total, the minibatches and the first weights of the authors' code."""
    model = scmodal.Model(batch_size=SIZE, training_steps=N_STEPS, model_path=str(folder))
    model.emb_A, model.emb_B, model.shared_gene_num = x["rna"], x["adt"], N_SHARED
    rng, drawn, values, first = np.random.default_rng(1), [], [], []
    backward = torch.Tensor.backward

    def draw(rows, size):
        if not first:
            parts = (model.E_A, model.E_B, model.G_A, model.G_B, model.D_Z)
            first.extend([w.detach().clone() for w in part.parameters()] for part in parts)
        drawn.append(rng.permutation(rows)[:size])  # none twice: which of two equal cells is nearer is chance
        return drawn[-1]

    def noted(loss, *args, **named):
        values.append(float(loss.detach()))
        backward(loss, *args, **named)

    def pairs(a, b, k):
        found = np.zeros((len(a), len(b)), int)
        found[tuple(np.transpose(oracles.mutual_neighbours(a.astype(float), b.astype(float), k)))] = 1
        return found

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # so that only equations can differ: 20 steps of Adam amplify rounding
    monkeypatch.setattr(torch.Tensor, "float", torch.Tensor.double)
    monkeypatch.setattr(np.random, "choice", draw)
    monkeypatch.setattr(torch.Tensor, "backward", noted)
    monkeypatch.setattr(scmodal, "acquire_pairs", pairs)
    model.train()
    monkeypatch.undo()
    torch.set_default_dtype(before)
    steps = np.reshape(values, (N_STEPS, 6))  # five of the critic, one of encoders and decoders
    return steps[:, 4:], list(zip(drawn[::2], drawn[1::2], strict=True)), first


@torch.no_grad()
def set_weights(module, weights):
    for mine, theirs in zip(module.parameters(), weights, strict=True):
        mine.copy_(theirs)


@pytest.mark.trains
@pytest.mark.filterwarnings("ignore:Converting a tensor:UserWarning")
def test_losses_of_twenty_steps(scmodal, tmp_path, monkeypatch):
    x = views()
    expected, drawn, (e_a, e_b, g_a, g_b, d) = run_theirs(scmodal, x, tmp_path, monkeypatch)
    config, edge = replace(Config.scmodal(), batch_size=SIZE), ("rna", "adt")
    net = Networks(WIDTHS, config).double()
    adversary = Adversary((edge,), config, torch.Generator()).double()
    for module, weights in ((net.encoder, (e_a, e_b)), (net.decoder, (g_a, g_b))):
        for view, part in zip(edge, weights, strict=True):
            set_weights(module[view], part)
    set_weights(adversary, d)
    terms = make_terms(edge, (edge,), config)
    optimisers = make_optimiser(net, config), make_optimiser(adversary, config)
    found = []
    for a, b in drawn:
        batch = {"rna": torch.from_numpy(x["rna"][a]).double(), "adt": torch.from_numpy(x["adt"][b]).double()}
        linked = batch["rna"][:, :N_SHARED], batch["adt"][:, :N_SHARED]
        losses = train_step(net, terms, adversary, Batch(x=batch, linked={edge: linked}), optimisers, config)
        found.append([float(losses["critic"]), float(losses["total"])])
    assert abs(expected[0, 1] - expected[-1, 1]) > 1  # of losses that change
    np.testing.assert_allclose(found, expected, rtol=1e-9)
