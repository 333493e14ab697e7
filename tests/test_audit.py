"""Subject: the audit of dependencies (.ci/audit) detects what it should."""

from types import SimpleNamespace

import pytest

from made_files.ci_scripts import ci_script

EXTRAS = {"dask": ["dask[array]"], "all": ["crosstie[dask]"], "dev": ["ruff"]}
PROJECT = {"name": "crosstie", "dependencies": ["numpy>=1", "scipy"], "optional-dependencies": EXTRAS}


@pytest.fixture(scope="module")
def audit():
    return ci_script("audit")


def package(version="1.0", licence="MIT", files=()):
    about = SimpleNamespace(get_all=lambda _: [], get={"License-Expression": licence}.get)
    return SimpleNamespace(version=version, metadata=about, files=files)


def test_pins(audit):
    assert audit.read_pins("# pins\nA_b==1.0  # why\n\nc==2.0+cpu\n") == {"a-b": "1.0", "c": "2.0+cpu"}
    needed = {"a": package(), "b": package("1.0+cpu"), "c": package("3"), "d": package(), "e": None, "pip": package()}
    faults = list(audit.unpinned(needed, {"a": "1.0", "b": "1.0", "c": "2"}))
    assert [fault.split()[0] for fault in faults] == ["c", "d", "e"]
    assert "pinned as 2" in faults[0]
    assert "not pinned" in faults[1]
    assert "not installed" in faults[2]


@pytest.mark.parametrize(
    ("licence", "good"),
    [("MIT", True), ("BSD-3-Clause", True), ("Apache-2.0 WITH LLVM-exception", True), ("MPL-2.0", True), ("", False),
     ("GPL-3.0-only", False), ("AGPL", False), ("LicenseRef-Secret", False)],
)  # fmt: skip
def test_licences(audit, licence, good):
    assert (not list(audit.unlicensed({"a": package(licence=licence)}))) is good


def test_files_that_were_changed_or_are_gone(audit, tmp_path):
    import base64
    import hashlib

    digest = base64.urlsafe_b64encode(hashlib.sha256(b"as it was").digest()).rstrip(b"=").decode()

    class File(str):
        hash = SimpleNamespace(mode="sha256", value=digest)

        def locate(self):
            return tmp_path / self

    for name, content in (("same", b"as it was"), ("other", b"changed")):
        (tmp_path / name).write_bytes(content)
    faults = list(audit.changed_files({"a": package(files=[File("same"), File("other"), File("gone")])}))
    assert faults == ["a: other has been changed", "a: gone is missing"]


def test_imports_and_what_is_declared(audit, tmp_path):
    (tmp_path / "x.py").write_text(
        "import os, numpy.linalg\nfrom . import y\nfrom crosstie import z\ndef f():\n    import secret_thing\n"
    )
    imported = audit.imports(tmp_path)
    assert sorted(imported) == ["numpy", "secret_thing"]
    faults = list(audit.undeclared(imported, PROJECT))
    assert faults == [
        "x.py imports secret_thing, which pyproject.toml does not declare",
        "scipy is declared in pyproject.toml and not imported",
    ]


def test_packages_of_extras_are_imported_late(audit, tmp_path):
    for name in ("training", "model"):
        (tmp_path / "crosstie" / name).mkdir(parents=True)
        (tmp_path / "crosstie" / name / "x.py").write_text(
            "import numpy, dask.array\ndef f():\n    from dask import x\n"
        )
    faults = list(audit.not_optional(tmp_path, PROJECT))
    assert faults == ["crosstie/model/x.py imports dask at its top, which only an extra installs"]
    assert [one.name for one in audit.declared(PROJECT)] == ["numpy", "scipy", "dask", "ruff"]


@pytest.mark.parametrize(("version", "hit"), [("1.4.9", False), ("1.5", True), ("2.0rc1", True), ("2.1", False)])
def test_advisories(audit, version, hit):
    entry = {"id": "X-1", "package": "A_b", "affected": ["<1.0", ">=1.5,<2.1"], "summary": "burns"}
    listed = {"advisories": [entry], "accepted": {}}
    assert bool(list(audit.advised({"a-b": version}, listed))) is hit
    assert not list(audit.advised({"a-b": version}, listed | {"accepted": {"X-1": "no fire here"}}))
    assert not list(audit.advised({"other": version}, listed))


def test_this_project(audit):
    """All but the checksums of installed files, which take seconds."""
    import json
    import tomllib

    project = tomllib.loads((audit.ROOT / "pyproject.toml").read_text())["project"]
    pins = audit.read_pins((audit.ROOT / "constraints.txt").read_text())
    listed = json.loads(audit.ADVISORIES.read_text())
    assert len(listed["advisories"]) >= 10
    assert list(audit.advised(pins, listed)) == []
    assert list(audit.undeclared(audit.imports(audit.ROOT / "src"), project)) == []
    assert list(audit.not_optional(audit.ROOT / "src", project)) == []


def test_what_is_needed_in_turn(audit):
    from packaging.requirements import Requirement

    found = audit.closure([Requirement("pandas"), Requirement("no-such-package-here")])
    assert {"pandas", "numpy", "python-dateutil", "no-such-package-here"} <= set(found)
    assert found["no-such-package-here"] is None
