"""A finished run: everything that was learned about the cells, and the folder that keeps it.

`Run.of` makes a run of a fitted model, `write` puts it into a folder, `read` gets it back. The command line and the
report both work on these.
"""
