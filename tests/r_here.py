"""Whether R and its packages are installed, for tests that run scripts of R."""

from __future__ import annotations

import functools
import shutil
import subprocess

import pytest


@functools.cache
def has(*packages: str) -> bool:
    if shutil.which("Rscript") is None:
        return False
    code = f"quit(status = !all(sapply(c({', '.join(map(repr, packages))}), requireNamespace, quietly = TRUE)))"
    return subprocess.run(["Rscript", "-e", code], capture_output=True).returncode == 0


def need(*packages: str) -> None:
    if not has(*packages):
        pytest.skip(f"needs Rscript with {', '.join(packages)}")


def rscript(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["Rscript", *map(str, words)], capture_output=True, text=True, encoding="utf-8", timeout=900)
