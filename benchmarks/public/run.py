"""All public yardsticks: fetch their data, run crosstie, and print their tables with a row for crosstie.

    make public-benchmarks                                   # sets up what is needed, then calls this

Data sets of scMultiBench are downloaded by its own package. Those of SCMMIB are read from `$SCMMIB_DATA`: a folder for
each data set, named as in `figures.csv`, with its JSON configuration in it. Of data sets that are not there, the
published figures are printed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import published

HERE = Path(__file__).resolve().parent
PEERS = Path(os.environ.get("CROSSTIE_PEERS", HERE.parents[1] / ".peers"))
MULTIBENCH = ("D27mini", "D28")
SCMMIB = {
    "diagonal_scRNA+scATAC": (
        "BMMC_s3d10",
        "BMMC_p10",
        "SHARE_RawData",
        "10xPBMC_RawData",
        "10xMouseBrain_2p5",
        "HSPC_p10",
    ),
    "mosaic_scRNA+ADT": ("BMMC_s2d1_s3d6",),
}


def told(command: list[object], **environment: str) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run(
        [str(word) for word in command], env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def multibench(name: str, out: Path) -> str:
    """Return the table of a data set of scMultiBench, given by its name or its folder."""
    python, script = PEERS / "public" / "bin" / "python", HERE / "score_multibench.py"
    folder = name if Path(name).is_dir() else told([python, script, "fetch", name]).strip().splitlines()[-1]
    z = out / f"{Path(folder).name}.csv"
    told([sys.executable, HERE / "multibench_row.py", folder, z])
    return told([python, script, "score", folder, z])


def scmmib(task: str, data: str, folder: Path, out: Path) -> str:
    """Return the table of a data set of SCMMIB."""
    (config,) = folder.glob("*.json")
    code = os.pathsep.join([str(PEERS / "SCMMI_Benchmark"), os.environ.get("PYTHONPATH", "")])
    script = HERE / "scmmib_row.py"
    return told([sys.executable, script, folder, config, "--task", task, "--data", data, "--out", out], PYTHONPATH=code)


def main() -> None:
    """Print every table that can be made here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--multibench", nargs="*", default=list(MULTIBENCH), help="names or folders of data sets")
    parser.add_argument("--out", type=Path, default=HERE / "out")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.multibench:
        print(f"## scMultiBench, {Path(name).name}\n\n{multibench(name, args.out)}", flush=True)
    root = Path(os.environ.get("SCMMIB_DATA", HERE / "scmmib"))
    for task, names in SCMMIB.items():
        for data in names:
            print(f"## SCMMIB, {task}, {data}\n")
            if (root / data).is_dir():
                print(scmmib(task, data, root / data, args.out), flush=True)
            else:
                print(f"{root / data} is not there: https://doi.org/10.6084/m9.figshare.27161451 has it. Published:\n")
                kind = "mosaic RNA+ADT" if "ADT" in task else "diagonal RNA+ATAC"
                print(published.of(kind, data).sort_values("foscttm").to_string(), "\n")


if __name__ == "__main__":
    main()
