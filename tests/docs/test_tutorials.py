"""`make docs` executes the tutorials; these tests check their syntax, names and options."""

import ast
import inspect

import pytest

import crosstie as xt

from .pages import TUTORIALS, blocks, name


def cells(page):
    """Return the syntax trees of a tutorial's cells."""
    found = [block for block in blocks(page) if block.language.startswith("{code-cell}")]
    return [ast.parse("\n".join(x for x in b.text.splitlines() if not x.startswith(":tags:"))) for b in found]


def resolved(node):
    """Return what `xt.room.name` is, or `None` where a node is not such an expression."""
    if isinstance(node, ast.Name):
        return xt if node.id == "xt" else None
    if isinstance(node, ast.Attribute) and (owner := resolved(node.value)) is not None:
        return getattr(owner, node.attr)
    return None


@pytest.mark.parametrize("page", TUTORIALS, ids=name)
def test_names_and_options_exist(page):
    n_calls = 0
    for tree in cells(page):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and callable(function := resolved(node.func)):
                options = [keyword.arg for keyword in node.keywords if keyword.arg]
                known = inspect.signature(function).parameters
                assert set(options) <= set(known), (ast.unparse(node), list(known))
                n_calls += 1
    assert n_calls > 5


@pytest.mark.parametrize("page", TUTORIALS, ids=name)
def test_what_is_said_is_checked(page):
    """A tutorial ends with a cell that asserts what its text says."""
    assert any(isinstance(node, ast.Assert) for node in ast.walk(cells(page)[-1]))


def test_there_are_tutorials():
    assert len(TUTORIALS) >= 5
