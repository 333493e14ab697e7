"""What control characters become."""

from crosstie._visible import visible


def test_control_characters_are_shown():
    assert visible("a\x1b]52;c;eA==\x07\nb\u202ec\x9b") == r"a\x1b]52;c;eA==\x07\nb\u202ec\x9b"
    assert visible("a\nb\tc", lines=True) == "a\nb\\tc"
    assert visible("CD3ε 细胞 é") == "CD3ε 细胞 é"
