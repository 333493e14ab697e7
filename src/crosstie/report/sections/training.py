"""Training: the loss curves."""

from __future__ import annotations

from crosstie.report import svg
from crosstie.report.html import Html, el, none, section
from crosstie.runs.run import Run


def training(run: Run) -> Html:
    """Return the loss curves, if anything was trained."""
    model, title = run.model, "Training"
    history = model.history
    if model.config.training != "full" or not len(history) or "step" not in history or len(history.columns) < 2:
        return section(
            "training",
            title,
            none("Nothing was trained: this run is the closed form, which is linear algebra without steps or losses."),
        )
    said = (
        f"{int(history['step'].max()):,} steps. Each curve is a running mean of a term of the "
        "objective; the number is its last value."
    )
    if "link_rank" in history:
        figures = history["link_rank"].to_numpy()
        step = int(history["step"].to_numpy()[figures.argmin()])
        said += (
            f" The weights of step {step:,} were kept, where cells with similar linked features were "
            f"nearest each other (link_rank {figures.min():.3f}; 0.5 is chance)."
        )
    if model.networks is None:
        said += (
            " Training did not improve on the closed form by the criteria that need no labels, so "
            "the closed form was kept."
        )
    return section("training", title, el("p", said), svg.curves(history))
