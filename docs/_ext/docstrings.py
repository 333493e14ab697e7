"""Docstrings as the project writes them: "Returns" and properties are prose; types stand in signatures only."""

from typing import Any

from sphinx.ext.napoleon.docstring import NumpyDocstring


def _returns(self: NumpyDocstring, _section: str) -> list[str]:
    """Read a section "Returns" as prose; napoleon takes its first line for a type."""
    lines = self._dedent(self._consume_to_next_section())
    return [*self._format_block(":returns: ", lines), ""]


def _property(self: NumpyDocstring) -> list[str]:
    """Read the docstring of a property as prose; napoleon takes what stands before a colon for a type."""
    return list(self._consume_to_end())


def setup(app: Any) -> dict[str, Any]:
    """Make it known to Sphinx."""
    app.setup_extension("sphinx.ext.napoleon")
    NumpyDocstring._parse_returns_section = _returns  # type: ignore[method-assign]
    NumpyDocstring._parse_attribute_docstring = _property  # type: ignore[method-assign]
    return {"parallel_read_safe": True, "parallel_write_safe": True}
