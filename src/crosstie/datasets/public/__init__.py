"""Public data sets by name: the registry of their files, and one reader for each layout.

Files come from `download`; the result is MuData of raw counts.
"""
