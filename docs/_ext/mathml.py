"""Formulas as MathML, which browsers draw by themselves: no script, no font and no network is needed."""

import re
from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

log = logging.getLogger(__name__)

SAME = {r"\arg": r"\operatorname{arg}"}  # what the converter does not know, by what it does
_TAG = re.compile(r"\\tag\{([^}]*)\}")
_COMMAND = re.compile(r"\\[A-Za-z]+")


def mathml(text: str, *, block: bool) -> tuple[str, str]:
    r"""Return a LaTeX formula as a `<math>` element, and the number that its `\tag` gives it, if any.

    Raises
    ------
    ValueError
        If it holds a command that is not known.
    """
    tag = _TAG.search(text)
    text = _COMMAND.sub(lambda found: SAME.get(found[0], found[0]), _TAG.sub("", text))
    formula = convert(text, display="block" if block else "inline")
    if unknown := _COMMAND.findall(formula):
        raise ValueError(f"unknown commands {', '.join(unknown)}")
    return formula, tag[1] if tag else ""


def _visit(translator: Any, node: nodes.math | nodes.math_block, *, block: bool) -> None:
    text = node.astext()
    try:
        formula, number = mathml(text, block=block)
    except Exception as error:  # the converter has many kinds
        log.warning("formula cannot be drawn: %r", error, location=node, type="mathml")
        formula, number = f"<code>{escape(text)}</code>", ""
    if block:
        label = f'<span class="eqno">({escape(number)})</span>' if number else ""
        formula = f'<div class="math">{label}{formula}</div>\n'
    translator.body.append(formula)
    raise nodes.SkipNode


def _inline(translator: Any, node: nodes.math) -> None:
    _visit(translator, node, block=False)


def _block(translator: Any, node: nodes.math_block) -> None:
    _visit(translator, node, block=True)


def setup(app: Any) -> dict[str, Any]:
    """Make it known to Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
