"""Data and scores of scMultiBench; runs in an environment with `multibench-sc`, which `setup.sh` makes.

python score_multibench.py fetch D28                             # prints the folder
python score_multibench.py score D28 crosstie.csv                # prints the table, with crosstie's row
"""

import sys
from pathlib import Path

import multibench as mtb
import pandas as pd

action, name = sys.argv[1:3]
if action == "fetch":
    print(mtb.data.fetch(name, verbose=False))
else:
    folder = Path(name) if Path(name).is_dir() else Path(mtb.data.fetch(name, verbose=False))
    z = pd.read_csv(sys.argv[3], index_col=0)
    files = [str(folder / f"{kind}_cty.csv") for kind in ("rna", "atac")]
    row = mtb.evaluate(z.to_numpy(), labels=files, method="crosstie", category="diagonal", verbose=False)
    try:
        stored = mtb.load_results("diagonal", dataset=folder.name)
    except FileNotFoundError:  # a tutorial set: there is nothing to compare with
        stored = row[:0]
    table = pd.concat([stored, row]).pivot_table(index="method", columns="metric", values="value")
    print(table.round(4).to_csv())
