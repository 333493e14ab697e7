import sys

import pytest

from crosstie.anchors.engine import computing_with, engine_in_use
from crosstie.training.device import check_device, choose_device, choose_precision, on_device
from torch_here import HAS_TORCH


@pytest.mark.parametrize("word", ["gpu", "nonsense", "", "cuda:", "cuda:x", "CUDA", "cuda:1 ", None, 0])
def test_what_names_no_device_is_one_sentence(word):
    with pytest.raises(ValueError, match=f"device {word!r} is unknown") as error:
        check_device(word)
    assert error.value.cli.startswith(f"--device {word} is unknown.\n  expected: auto, cpu, cuda, cuda:1, mps or xpu")


@pytest.mark.parametrize("word", ["auto", "cpu", "cpu:0", "cuda", "cuda:1", "mps", "xpu"])
def test_names_of_devices(word):
    check_device(word)


def test_words_of_the_cpu_need_no_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for word in ("auto", "cpu", "cpu:0"):
        with on_device(word):
            assert engine_in_use() is None


def test_auto_changes_nothing_and_cpu_leaves_a_device():
    other = object()
    with computing_with(other):
        with on_device("auto"):
            assert engine_in_use() is other
        with on_device("cpu"):
            assert engine_in_use() is None
        assert engine_in_use() is other


def test_a_device_needs_torch(monkeypatch):
    monkeypatch.setattr("crosstie._extras.find_spec", lambda module: None)
    wanted = "device 'cuda' needs torch, which is not installed"
    with pytest.raises(ImportError, match=wanted) as error, on_device("cuda"):
        pass
    assert 'pip install "crosstie[train]"' in str(error.value)


@pytest.mark.trains
@pytest.mark.skipif(not HAS_TORCH, reason="needs torch")
def test_devices_of_this_machine():
    import torch

    assert choose_device("auto").type in ("cpu", "cuda")
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ValueError, match="device 'gpu' is unknown"):
        choose_device("gpu")
    n = torch.cuda.device_count()
    with pytest.raises(ValueError, match=rf"device 'cuda:{n}' is not on this machine\.\n  found: {n} of this kind"):
        choose_device(f"cuda:{n}")
    with pytest.raises(ValueError, match=rf"device 'cuda:{n}' is not on this machine"), on_device(f"cuda:{n}"):
        pass


@pytest.mark.trains
@pytest.mark.skipif(not HAS_TORCH, reason="needs torch")
@pytest.mark.parametrize("here", [{"avx512_bf16": True}, {"architecture": "aarch64", "bf16": True}])
def test_bfloat16_where_the_processor_has_it(monkeypatch, caplog, here):
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: here, raising=False)
    assert choose_precision("bfloat16", torch.device("cpu")) == "bfloat16"
    assert choose_precision("float32", torch.device("cpu")) == "float32"
    assert not caplog.messages


@pytest.mark.trains
@pytest.mark.skipif(not HAS_TORCH, reason="needs torch")
def test_bfloat16_is_not_emulated(monkeypatch, caplog):
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False, "avx2": True}, raising=False)
    assert choose_precision("bfloat16", torch.device("cpu")) == "float32"
    assert "this processor has no instructions for bfloat16; float32 is used" in caplog.text
    for capability, expected in (((7, 5), "float32"), ((9, 0), "bfloat16")):
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, found=capability: found)
        assert choose_precision("bfloat16", torch.device("cuda")) == expected
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert choose_precision("bfloat16", torch.device("cpu")) == "float32"
    assert "this torch is too old to tell" in caplog.text
