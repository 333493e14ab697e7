"""The page of public data sets agrees with the registry."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_holds_the_registry():
    spec = importlib.util.spec_from_file_location("datasets_table", ROOT / "benchmarks" / "datasets_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (ROOT / "docs" / "datasets.md").read_text(encoding="utf-8")
    inside = page.split("<!-- tables -->\n")[1].split("\n<!-- end of tables -->")[0]
    assert inside == module.tables(), "print the tables again: python benchmarks/datasets_table.py"
