import pytest

from crosstie.training.device import check_device, choose_device, say_unused
from torch_here import HAS_TORCH


@pytest.mark.parametrize("word", ["gpu", "nonsense", "", "cuda:", "cuda:x", "CUDA", "cuda:1 ", None, 0])
def test_what_names_no_device_is_one_sentence(word):
    with pytest.raises(ValueError, match=f"device {word!r} is unknown") as error:
        check_device(word)
    assert error.value.cli.startswith(f"--device {word} is unknown.\n  expected: auto, cpu, cuda, cuda:1, mps or xpu")


@pytest.mark.parametrize("word", ["auto", "cpu", "cpu:0", "cuda", "cuda:1", "mps", "xpu"])
def test_names_of_devices(word):
    check_device(word)


def test_a_device_without_use_is_said(caplog):
    for word in ("auto", "cpu"):
        say_unused(word)
    assert not caplog.records
    say_unused("cuda:1")
    assert caplog.messages[0].startswith("device 'cuda:1' is not used: only training uses a device")
    assert "--preset trained" in caplog.records[0].cli


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
