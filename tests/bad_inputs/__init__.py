"""A catalogue of wrong inputs, as data: what is wrong, how it is made and used, and what the error must say.

`tests/test_bad_inputs.py` runs it; a new wrong input is one line in the module of its subject.
"""

from bad_inputs import accepted, commands, files, formats, functions, labels, matrices, naming, runs, settings

_MODULES = (files, formats, matrices, naming, labels, settings, functions, runs, commands)
CASES = [case for module in _MODULES for case in module.CASES]
ACCEPTED = accepted.ACCEPTED
HEADINGS = (
    "files",
    "matrices",
    "names",
    "links",
    "labels",
    "graphs",
    "settings",
    "functions",
    "queries",
    "saved runs",
    "commands",
)
