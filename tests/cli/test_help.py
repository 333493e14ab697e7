"""Help, its examples, shell completion, and colours."""

import os
import re
import shlex
import subprocess
import sys

import pytest
import scipy.sparse as sp
from anndata import AnnData
from typer.main import get_command
from typer.testing import CliRunner

from crosstie.cli import COMMANDS, app
from made_files import formats
from made_files.references import reference_of

HOUSE = (
    "demo integrate check links learn evaluate diagnose report figures transfer impute match map relate export fetch"
    " bench reproduce rerun"
)
SHELLS = ("bash", "zsh", "fish", "powershell")
# Not run here: ranks, what needs a network, and what has tests of its own that run it.
ELSEWHERE = ("torchrun", "crosstie fetch citeseq", "crosstie fetch teaseq", "crosstie reproduce", "crosstie demo",
             "crosstie bench")  # fmt: skip


def completed(shell, line):
    """Return what is offered after the line, as each shell asks for it."""
    words = line.split(" ")
    asked = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
        "powershell": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_WORD_TO_COMPLETE": words[-1]},
    }[shell]
    name = "pwsh" if shell == "pwsh" else shell
    done = CliRunner().invoke(app, [], prog_name="crosstie", env={"_CROSSTIE_COMPLETE": f"complete_{name}", **asked})
    return done.stdout


def test_every_verb_of_the_house_is_there():
    assert set(COMMANDS) == set(HOUSE.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_examples(command):
    shown = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).stdout
    end = [line.strip() for line in shown.strip().splitlines() if line.strip()]
    examples = list(COMMANDS[command][1])
    assert end[-len(examples) :] == examples
    assert end[-len(examples) - 1].startswith("Example")


@pytest.fixture(scope="module")
def peaks(mdata):
    """Peaks that lie in the genes of RNA, and where these genes are."""
    genes = mdata["rna"].var_names
    counts = sp.csr_matrix(mdata["rna"].X)
    atac = AnnData(counts, obs=mdata["rna"].obs[["cell_type"]].copy())
    atac.var_names = [f"chr1:{10_000 * i + 100}-{10_000 * i + 600}" for i in range(len(genes))]
    lines = [f"chr1\t{10_000 * i}\t{10_000 * i + 2000}\t{gene}\t0\t+" for i, gene in enumerate(genes)]
    return atac, "\n".join(lines) + "\n"


def test_examples_run(run, tmp_path, peaks, mdata, monkeypatch):
    """In the order in which the help of all has them, in one folder; the files are those that they name."""
    # UMAP is compiled for as long as all the rest takes, and has tests of its own.
    monkeypatch.setattr("crosstie.pl.joint_umap", lambda z, **_: {name: x[:, :2] for name, x in z.items()})
    atac, genes = peaks
    atac.write_h5ad(tmp_path / "atac.h5ad")
    import gzip

    with gzip.open(tmp_path / "genes.gtf.gz", "wt", encoding="utf-8") as file:
        for line in genes.splitlines():
            chrom, start, end, name, _, strand = line.split("\t")
            about = f'gene_id "{name}"; gene_name "{name}";'
            file.write(f"{chrom}\tx\tgene\t{int(start) + 1}\t{end}\t.\t{strand}\t.\t{about}\n")
    mdata["rna"][:100].copy().write_h5ad(tmp_path / "new.h5ad")
    reference_of(mdata).write_h5mu(tmp_path / "pbmc.h5mu")
    formats.tenx_h5(tmp_path / "filtered_feature_bc_matrix.h5", "Gene Expression", "Antibody Capture")
    quick = {"integrate": ["--no-plots", "--no-verdict"], "rerun": [], "report": ["--no-verdict"]}
    parser = get_command(app)
    for command, (_, examples, _) in COMMANDS.items():
        for example in examples:
            words = shlex.split(example.replace("torchrun --nproc-per-node 4 -m ", ""))
            assert words[:2] == ["crosstie", command]
            if example.startswith(ELSEWHERE):
                parser.commands[command].make_context(command, words[2:])  # raises at wrong words
                continue
            done = run(*words[1:], *quick.get(command, []))
            assert done.exit_code == 0, (example, done.output)


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_of_verbs_and_options(shell):
    assert "integrate" in completed(shell, "crosstie in")
    assert "links" not in completed(shell, "crosstie in")
    offered = completed(shell, "crosstie match --ho")
    assert "--how" in offered
    assert "--out" not in offered


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_scripts(shell):
    script = CliRunner().invoke(app, [], prog_name="crosstie", env={"_CROSSTIE_COMPLETE": f"source_{shell}"}).stdout
    assert "_CROSSTIE_COMPLETE" in script
    assert f"complete_{shell}" in script


def test_completion_can_be_installed(tmp_path, monkeypatch):
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"}).stdout
    assert "--install-completion" in shown
    assert "--show-completion" in shown


@pytest.mark.skipif(os.name == "nt", reason="terminals of POSIX")
@pytest.mark.parametrize("no_color", [False, True])
def test_no_color_is_respected(no_color):
    import pty

    reader, writer = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR")} | {"TERM": "xterm-256color"}
    words = [sys.executable, "-m", "crosstie", "--help"]
    env |= {"NO_COLOR": "1"} if no_color else {}
    subprocess.run(words, stdout=writer, stderr=writer, env=env, check=True)
    os.close(writer)
    said = b""
    while True:
        try:
            part = os.read(reader, 65536)
        except OSError:  # the end, on Linux
            break
        if not part:
            break
        said += part
    os.close(reader)
    codes = re.findall(rb"\x1b\[([\d;]*)m", said)
    coloured = [c for code in codes for c in code.split(b";") if c and 30 <= int(c) <= 49 and int(c) not in (39, 49)]
    assert bool(coloured) != no_color
    assert b"crosstie" in said
