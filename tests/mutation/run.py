"""Check that the tests detect errors: mutmut changes the source in one place at a time, and the tests must fail.

`python tests/mutation/run.py` tries a seeded sample of the mutants, continues an interrupted run, and writes
docs/mutation.md. `--again` tries the survivors once more, after tests were added; `--report` only writes the page.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MUTANTS = ROOT / "mutants" / "src"
JUDGED = ROOT / "tests" / "mutation" / "judged.toml"
PAGE = ROOT / "docs" / "mutation.md"
SEED, SHARE, LEAST = 0, 0.1, 12
DEAD = {1: "killed", 3: "killed", -11: "killed", -6: "killed"} | dict.fromkeys((36, 24, -24, -9, 152), "timeout")
ENVIRONMENT = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1") | {
    # Names of tests as they are: pytest escapes an escaped name again where it is asked for twice in one process.
    "PYTEST_ADDOPTS": "-o disable_test_id_escaping_and_forfeit_all_rights_to_community_support=true"
}


def mutmut(*mutants: str) -> None:
    """Let mutmut try these mutants, in one process on one thread."""
    command = [str(Path(sys.executable).with_name("mutmut")), "run", "--max-children", "1", *mutants]
    subprocess.run(command, cwd=ROOT, env=os.environ | ENVIRONMENT, check=False)


def codes() -> dict[str, dict[str, int | None]]:
    """Return the exit code of the tests for each mutant of each file; None if they did not run yet."""
    found = {
        str(path.relative_to(MUTANTS)).removesuffix(".meta"): json.loads(path.read_text())["exit_code_by_key"]
        for path in sorted(MUTANTS.rglob("*.meta"))
    }
    return {name: codes for name, codes in found.items() if codes}


def sample(found: dict[str, dict]) -> dict[str, list[str]]:
    """Draw a share of the mutants of each file, at least `LEAST`."""
    drawn = {}
    for name, mutants in found.items():
        n = min(len(mutants), max(LEAST, math.ceil(SHARE * len(mutants))))
        drawn[name] = random.Random(f"{SEED} {name}").sample(sorted(mutants), n)
    return drawn


def change(name: str, mutant: str) -> str:
    """Return the lines that a mutant removes and adds."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    shown = get_diff_for_mutant(mutant, path=f"src/{name}").splitlines()
    return "\n".join(line for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---"))


def page(found: dict[str, dict], drawn: dict[str, list[str]]) -> str:
    """Return the table of all files, and each survivor with its judgement."""
    judged = tomllib.loads(JUDGED.read_text()) if JUDGED.exists() else {}
    rows, lived, total = [], defaultdict(list), Counter()
    for name, mutants in drawn.items():
        fates = Counter(DEAD.get(found[name][mutant], "lived") for mutant in mutants)
        lived[name] = [mutant for mutant in mutants if DEAD.get(found[name][mutant]) is None]
        total += fates + Counter(all=len(found[name]), tried=len(mutants))
        rows.append((name, len(found[name]), len(mutants), fates["killed"], fates["timeout"], fates["lived"]))
    rows.append(("**all**", *(total[key] for key in ("all", "tried", "killed", "timeout", "lived"))))
    text = (
        "# Mutation tests\n\nWritten by `make mutation`. mutmut changes the source in one place at a time; a sample of "
    )
    text += (
        f"these mutants (seed {SEED}, {SHARE:.0%} of each file, at least {LEAST}) is run against the tests of the same "
    )
    text += "room. Module constants and decorated functions are not mutated.\n\n"
    text += (
        f"**{(total['killed'] + total['timeout']) / total['tried']:.1%} of {total['tried']} mutants were detected** "
    )
    text += "(killed, or the tests timed out).\n\n| file | mutants | tried | killed | timed out | survived |\n"
    text += "|---|---|---|---|---|---|\n" + "".join(f"| {' | '.join(map(str, row))} |\n" for row in rows)
    text += "\n## Survivors\n"
    for name, mutants in lived.items():
        text += f"\n### {name}\n" if mutants else ""
        for mutant in sorted(mutants):
            verdict = judged.get(mutant, "not judged")
            text += f"\n`{mutant.rpartition('.')[2]}`: {verdict}\n\n```diff\n{change(name, mutant)}\n```\n"
    return text


def main() -> None:
    """Try what is left of the sample, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="also try the survivors")
    parser.add_argument("--report", action="store_true", help="only write the page")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    if not chosen.report:  # one file makes all mutants anew where the source changed, and their names
        mutmut("crosstie.anchors.linear.*")
        found, alive = codes(), [] if chosen.again else [0, 33]
        left = [m for name, mutants in sample(found).items() for m in mutants if found[name][m] not in (*DEAD, *alive)]
        if left:
            mutmut(*left)
    PAGE.write_text(page(codes(), sample(codes())))


if __name__ == "__main__":
    main()
