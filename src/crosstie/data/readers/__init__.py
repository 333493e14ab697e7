"""Readers: one file per format of data, and the table of formats that says which file is read by which."""
