"""crosstie with defaults: from two files to coordinates, without pictures, tables or verdicts."""

from exchange import Exchange

import crosstie as xt

run = Exchange()
rna, other, _ = run.read()  # it finds the links by itself
run.write(**xt.integrate({"rna": rna, run.other: other}).latents)
