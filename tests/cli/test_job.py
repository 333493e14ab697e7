"""A job has the options of the command: their names, kinds and defaults."""

import inspect
import json
from pathlib import Path

from crosstie.cli.commands.integrate import integrate
from crosstie.cli.job import OPTION_KINDS, Job
from crosstie.config import Config

INPUTS = {"rna": Path("rna.h5ad"), "adt": Path("adt.h5ad")}


def test_options_are_those_of_the_command():
    parameters = inspect.signature(integrate).parameters
    assert set(OPTION_KINDS) <= set(parameters)
    defaults = {name: parameters[name].default for name in OPTION_KINDS}
    assert Job.of(INPUTS, Config(), defaults | {"out": "run"}) == Job(inputs=INPUTS, config=Config(), out=Path("run"))


def test_kinds_follow_from_types():
    kinds = {"out": "path", "genes": "path", "slot": "by view", "paired": "pairs", "label_key": "text"}
    kinds |= {"pairs": "text", "seed": "whole number", "plots": "true or false", "preset": "text"}
    assert {name: OPTION_KINDS[name] for name in kinds} == kinds


def test_a_job_comes_back_from_its_dictionary():
    for inputs in (INPUTS, {"": Path("both.h5mu")}):
        job = Job(
            inputs=inputs, out=Path("run"), config=Config(n_rounds=3), links=Path("links.csv"), slot=("adt=X",),
            paired=("rna,adt",), label_key="kind", seed=4, plots=False,
        )  # fmt: skip
        written = json.loads(json.dumps(job.as_dict(str)))
        assert Job.from_dict(written) == job
        assert Job.from_dict(written, out=Path("again")).out == Path("again")
        assert set(written["options"]) == {
            "out", "links", "slot", "paired", "label_key", "pairs", "seed", "device", "plots", "verdict",
        "drop_suspicious", "positions",
        }  # fmt: skip
