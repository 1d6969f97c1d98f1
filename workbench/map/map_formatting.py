"""What is said about a map: in its border, and in full."""

from __future__ import annotations

from pathlib import Path

from rich.console import Group
from rich.table import Table as Columns
from rich.text import Text

from store.enums import JobState
from store.plain_text import plain
from store.rows import Job, Projection
from workbench.jobs import job_formatting
from workbench.map.map_view import MapSide, MapView
from workbench.ui import numbers
from workbench.ui.display import line, whole
from workbench.ui.shell import command

METHODS = {"tsne": "t-SNE", "umap": "UMAP"}
# of the parameters: no settings of the method
ASIDE = ("library", "sample", "history", "item_text", "precision", "prompts")
NEAR = "nearest by cosine in the original space"
_QUALITY = {
    "trustworthiness": "how far near neighbours on the map are near in the original space, 0 to 1",
    "silhouette": "how far datasets stand apart in the original space, by cosine, −1 to 1",
    "silhouette_map": "the same on the map",
    "purity": "the share of nearest neighbours from the same dataset, in the original space",
    "purity_map": "the same on the map",
    "purity_chance": "the same in a random order",
    "category_silhouette": "how far categories stand apart in the original space",
    "category_silhouette_map": "the same on the map",
    "category_purity": "the share of nearest neighbours of the same category, in the original space",
    "category_purity_map": "the same on the map",
    "category_purity_chance": "the same in a random order",
}


def method(projection: Projection) -> str:
    """`t-SNE`."""
    return METHODS.get(projection.method, projection.method)


def name(projection: Projection) -> str:
    """How lists call a map: `only · items · t-SNE`."""
    return f"{projection.model} · {projection.kind} · {method(projection)}"


def remark(projection: Projection) -> str:
    """What tells maps of one name apart: `4,000 of a, b; seed 0; perplexity 30`."""
    said = ", ".join(f"{key} {value:g}" for key, value in settings(projection).items())
    return f"{projection.n:,} of {', '.join(projection.datasets)}; seed {projection.seed}; {said}"


def settings(projection: Projection) -> dict[str, float]:
    """The settings of the method that are numbers."""
    return {
        key: float(value)
        for key, value in projection.parameters.items()
        if key not in ASIDE and isinstance(value, int | float)
    }


def border_title(side: MapSide, letter: str) -> Text:
    """`a  only · items · t-SNE  4,000 of 27,514 · seed 0 · perplexity 30`: what matters most comes first."""
    projection = side.projection
    said = [f"{key} {value:g}" for key, value in settings(projection).items()]
    words = " · ".join([f"{projection.n:,} of {side.total:,}", f"seed {projection.seed}", *said])
    return line(f"{letter}  {name(projection)}  ".strip() + "  ", "bold").append(words, style="not bold")


def border_subtitle(projection: Projection) -> Text:
    """`trustworthiness .97 · silhouette .12, map .31 · purity .93, map .95 · distance is not similarity`."""
    quality = projection.quality
    parts = []
    for key in ("trustworthiness", "silhouette", "purity"):
        value, on_map = quality.get(key), quality.get(f"{key}_map")
        if isinstance(value, int | float):
            beside = f", map {numbers.short(on_map, 2)}" if isinstance(on_map, int | float) else ""
            parts.append(f"{key} {numbers.short(value, 2)}{beside}")
    return line(" · ".join([*parts, "distance here is not retrieval distance"]))


def remake(projection: Projection) -> list[str]:
    """The words of the command that makes this map, of the datasets as they are now."""
    words = ["project", projection.model, "--datasets", ",".join(projection.datasets), "--kind", projection.kind]
    words += ["--method", projection.method, "--seed", str(projection.seed)]
    sample = projection.parameters.get("sample")
    if isinstance(sample, dict):
        words += ["--sample", str(projection.n)]
    for key, value in settings(projection).items():
        words += ["--set", f"{key}={value:g}"]
    return words


def caption(side: MapSide, shown: int, way: str) -> tuple[str, ...]:
    """What a picture says of itself, in three lines."""
    projection = side.projection
    return (
        f"{border_title(side, '').plain.strip()}; {', '.join(projection.datasets)}",
        border_subtitle(projection).plain,
        f"{shown:,} of its {projection.n:,} points in this view, by {way}",
    )


def gone(projection: Projection, option: Path | None) -> Text:
    """That the map which was looked at last is none any more, and how to get it again."""
    words = f"! {name(projection)}, looked at last, was of a dataset that was replaced or removed since: its points "
    words += f"are other {projection.kind} now. To make it anew: "
    return Text(plain(words)).append(command(remake(projection), option), style="bold")


def nothing(view: MapView, starting: str, option: Path | None) -> Text:
    """Which job is making the first map, or what to do. starting: the command that is being run."""
    text = gone(view.gone, option).append("\n\n") if view.gone is not None else Text()
    if starting:
        text.append_text(line(f"◐ starting: {starting}\n"))
    for job in view.making:
        text.append_text(_making(job)).append("\n")
    if view.making:
        return text.append("The map appears here when it is done. Jobs (3) shows more.", style="dim")
    if starting:
        return text
    if view.failed is not None:
        text.append_text(job_formatting.state(view.failed)).append_text(line(f"  job {view.failed.id}, ", "dim"))
        text.append_text(line(f"{job_formatting.what(view.failed)}: {view.failed.message}"))
        text.append("\nJobs (3) shows its log.\n\n", style="dim")
    if not view.advice:
        text.append("No map yet, and no dataset to make one of. Home (1) says how to get one.\n")
        return text.append(command(["demo"], option), style="bold")
    text.append("No map yet. p opens the form that makes one; or in a shell:\n")
    return text.append(command(list(view.advice), option), style="bold")


def _making(job: Job) -> Text:
    """`● running  job 7, project only on shop: t-SNE  ███·····  43 %`."""
    text = job_formatting.state(job).append_text(line(f"  job {job.id}, {job_formatting.what(job)}", "not bold"))
    at = job.stage if job.state is JobState.RUNNING else job.message
    if at:
        text.append_text(line(f": {at}"))
    return text.append("  ").append_text(job_formatting.progress(job))


def in_full(side: MapSide, option: Path | None) -> Group:
    """Everything that is stored about a map, a line each."""
    projection = side.projection
    sample = projection.parameters.get("sample")
    drawn = [f"{key} {count:,}" for key, count in sample.items()] if isinstance(sample, dict) else projection.datasets
    facts = {
        "model": projection.model,
        "points": f"{projection.n:,} of {side.total:,} {projection.kind}: {', '.join(drawn)}",
        "method": method(projection),
        **{key: f"{value:g}" for key, value in settings(projection).items()},
        "seed": str(projection.seed),
        **{key.replace("_", " "): str(projection.parameters.get(key, "")) for key in ASIDE if key != "sample"},
        "made": f"{numbers.moment(projection.created)}, {projection.seconds:,.0f} s on {projection.device}",
        "code": projection.code_version,
    }
    about, measured = _columns(), _columns()
    for key, fact in facts.items():
        if fact:
            about.add_row(Text(key, style="dim"), whole(fact, 400))
    for key, words in _QUALITY.items():
        value = projection.quality.get(key)
        if isinstance(value, int | float):
            said = Text(f"{numbers.short(value, 3)}  ").append(words, style="dim")
            measured.add_row(Text(key.replace("_", " "), style="dim"), said)
    rest = Text(
        f"n shows a point's neighbours: {NEAR}, of the points on this map. Distance on the map says little of it.\n\n"
    )
    return Group(about, "", measured, "", rest.append(command(remake(projection), option), style="bold"))


def _columns() -> Columns:
    columns = Columns.grid(padding=(0, 2))
    columns.add_column(width=23, no_wrap=True)
    columns.add_column()
    return columns
