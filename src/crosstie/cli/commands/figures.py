"""`crosstie figures`: the pictures of a finished run again, as PDF, SVG or PNG at the size of print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from crosstie._errors import unknown_name, value_error
from crosstie._files import check_not_input, claimed, new_folder
from crosstie.cli import finished_run, json_answer
from crosstie.cli.console import Console, Quiet, Verbose, echo
from crosstie.runs.folder import check_run

EXAMPLES = ("crosstie figures run --out figures --format pdf --width single",)
FORMATS = ("pdf", "svg", "png")


def figures(
    run: finished_run.RunFolder,
    out: Annotated[Path, typer.Option(help="New folder for the pictures.")],
    format_: Annotated[str, typer.Option("--format", help=", ".join(FORMATS) + ".")] = "pdf",
    width: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTH",
            help="Width in mm, or of a journal's column: single (89 mm) or double (183 mm).  "
            "[dim]\\[as on the screen][/dim]",
        ),
    ] = None,
    dpi: Annotated[int, typer.Option(min=50, max=2400, help="Pixels per inch, of png and of the dots of maps.")] = 300,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Draw the pictures of a run for print: maps by view, label, confidence and novelty, linked features, confusion.

    In pdf and svg, text is text, in Arial or Helvetica where there is one; with --width, it has 5 to 8 points.
    """
    say = Console(verbose=verbose, quiet=quiet)
    if format_ not in FORMATS:
        raise unknown_name("--format", format_, FORMATS)
    check_run(run)
    check_not_input(out, [run])
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise value_error(f"--out {out} is there already.", expected="a new or empty folder")
    if not out.resolve().parent.is_dir():
        raise value_error(f"--out {out} cannot be made.", found=f"no folder {out.resolve().parent}")
    from crosstie.pl.save import width_in_mm

    wide = None if width is None else width_in_mm(float(width) if _is_number(width) else width)  # type: ignore[arg-type]
    with say.stage(f"reading {run}"):
        from crosstie.runs.pictures import draw
        from crosstie.runs.read import read

        found = read(run)
    with say.stage("drawing"), claimed(out.resolve()), new_folder(out.resolve()) as folder:
        files = draw(found, folder, ending=format_, width=wide, dpi=dpi)
    json_answer.give(out=out, files=[(out / name).as_posix() for name in files])
    echo(f"{out}: {', '.join(files)}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
