"""`st5 project`: lay embeddings out as a map."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.commands.evaluation import (
    DatasetsOption,
    DeviceOption,
    HistoryOption,
    ItemTextOption,
    PrecisionOption,
    check_precision,
    text_format,
)
from engine.commands.options import DetachOption, JsonOption, SeedOption, WorkspaceOption, names, open_workspace
from engine.commands.output import print_json
from engine.projection.method import Method, PointKind
from store.plain_text import plain

if TYPE_CHECKING:
    from engine.progress import Observer
    from store.rows import Projection


def project(
    model: Annotated[str, typer.Argument(help="Name of a text model.")],
    datasets: DatasetsOption,
    kind: Annotated[PointKind, typer.Option(help="items, or users (the newest history known of each).")],
    method: Annotated[Method, typer.Option(help="How to lay them out.")] = Method.TSNE,
    sample: Annotated[
        int, typer.Option(help="So many points in all, evenly over the datasets; 0 takes 2,000 of each.")
    ] = 0,
    seed: SeedOption = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="perplexity, early-exaggeration, learning-rate, iterations; neighbours, min-dist, epochs; repeatable.",
        ),
    ] = None,
    history: HistoryOption = "",
    item_text: ItemTextOption = "",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    detach: DetachOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lay embeddings out as a map, with numbers that say how far to trust it.

    Example: st5 project only --datasets ml-100k --kind items --method tsne
    """
    from engine.jobs import submit
    from engine.projection.request import ProjectionRequest, plan

    check_precision(precision)
    space = open_workspace(workspace)
    request = ProjectionRequest(
        model, tuple(names(datasets)), kind, method, sample, seed, tuple(settings or ()),
        text_format(history, item_text), device, precision,
    )  # fmt: skip
    plan(space, request)

    def work(observer: Observer) -> Projection:
        from engine.projection.project import project as make

        made = make(space, request, observer)
        observer.tell("result", line(made))
        return made

    made = submit.submit_job(space, "project", work, detach=detach, device=lambda: _device_to_lock(device))
    if made is not None and as_json:
        print_json([document(made)])
    elif made is not None:
        print(plain(line(made)))


def line(row: Projection) -> str:
    """A map in one line: what it shows, and how far to trust it."""
    numbers = row.quality
    known = [
        f"{name} {numbers[name]:.3f} (map {numbers[f'{name}_map']:.3f})"
        for name in ("silhouette", "purity", "category_silhouette", "category_purity")
        if numbers.get(name) is not None and numbers.get(f"{name}_map") is not None
    ]
    return (
        f"{row.model}: {row.n:,} {row.kind} of {', '.join(row.datasets)} by {row.method} in {row.seconds:.1f} s: "
        + ", ".join([*known, f"trustworthiness {numbers['trustworthiness']:.3f}"])
    )


def document(row: Projection) -> dict[str, Any]:
    """A map as JSON: all that is stored of it but the points."""
    return asdict(row)


def _device_to_lock(device: str) -> str:
    """The accelerator whose turn a map waits for; processors are shared."""
    from engine.encoding.device import choose_device

    chosen = choose_device(device)
    return "" if chosen.type == "cpu" else str(chosen)
