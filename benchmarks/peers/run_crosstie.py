"""crosstie with defaults: from two files to coordinates, without pictures, tables or verdicts."""

from exchange import Exchange

import crosstie as xt

run = Exchange()
rna, adt, _ = run.read()  # it finds the links of the table by itself
run.write(**xt.integrate({"rna": rna, "adt": adt}).latents)
