"""Run it again: the command, the lines of Python that open the model, and the versions."""

from __future__ import annotations

import shlex

from crosstie.report.html import Child, Html, el, none, section, table
from crosstie.runs.run import Run


def again(run: Run) -> Html:
    """Return how to repeat the run, how to use it in Python, and the versions it was made with."""
    about = run.about
    parts: list[Child] = []
    if command := about.get("command"):
        parts += [el("h3", "Run it again"), _code("again-command", shlex.join(map(str, command)))]
    else:
        parts.append(none("This run was made in Python, so there is no command to repeat."))
    if "seed" in about:
        parts.append(
            el("p", f"Seed {about['seed']}. The same seed, versions and machine reproduce the result bit for bit.")
        )
    source, target = run.model.linkage.edges[0]
    use = [
        "import crosstie as xt",
        "",
        'model = xt.Model.load("run/model")  # in the folder of this run',
        f"z = model.embed({source!r})  # cells × {next(iter(run.model.latents.values())).shape[1]}",
        f"features = model.translate({source!r}, {target!r})",
    ]
    if run.about:
        parts += [el("h3", "Use it in Python"), _code("again-python", "\n".join(use))]
    versions = {"crosstie": about.get("crosstie"), "python": about.get("python"), **(about.get("versions") or {})}
    known = [[el("code", k), str(v)] for k, v in versions.items() if v]
    parts.append(el("h3", "Versions"))
    parts.append(
        table(["Package", "Version"], known, caption="Versions", class_="narrow")
        if known
        else none("No versions were recorded.")
    )
    where = [str(about[k]) for k in ("platform", "finished") if k in about]
    if "seconds" in about:
        where.append(f"{about['seconds']} s")
    if where:
        parts.append(el("p", " · ".join(where), class_="quiet"))
    return section("again", "How to run it again", *parts)


def _code(name: str, text: str) -> Html:
    button = el("button", "Copy", type="button", data_copies=name, hidden=True)
    return el("div", el("pre", el("code", text, id=name), tabindex=0), button, class_="code")
