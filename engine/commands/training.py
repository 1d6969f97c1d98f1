"""`st5 train`: make a text model."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from engine.commands.evaluation import DeviceOption, PrecisionOption, check_precision, evaluate_all, options_for
from engine.commands.options import DetachOption, SeedOption, WorkspaceOption, names, open_workspace
from engine.commands.output import say
from store.errors import BadInput

if TYPE_CHECKING:
    from engine.progress import Observer
    from engine.training.request import TrainRequest
    from store.rows import Model
    from store.workspace import Workspace

RECIPE = "modern"


def train(
    variant: Annotated[
        str,
        typer.Argument(help="only (nothing trained), nopre, itempre, final, or a chain that the recipe names."),
    ],
    datasets: Annotated[
        str,
        typer.Option("--datasets", "-d", help="Train on these, jointly (comma-separated); only is evaluated on them."),
    ] = "",
    backbone: Annotated[
        str,
        typer.Option(
            help="A sentence-transformers folder, a name on the hub, or a text model of the workspace.",
            show_default="the embedded one",
        ),
    ] = "",
    pooling: Annotated[
        str,
        typer.Option(
            help="cls or mean, where the backbone of `only` is a plain transformers model.",
            show_default="what the backbone says",
        ),
    ] = "",
    recipe: Annotated[str, typer.Option(help="Name of a recipe (`st5 recipes`), or a TOML file.")] = RECIPE,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe: KEY=VALUE or PHASE.KEY=VALUE; repeatable."),
    ] = None,
    name: Annotated[str, typer.Option(help="Name of the model.", show_default="the variant")] = "",
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    detach: DetachOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a text model.

    Example: st5 train nopre --datasets books --recipe modern --set pairs=20000 --detach
    """
    from engine.jobs import submit
    from engine.training.recipe import load_recipe
    from engine.training.request import TrainRequest, check, warnings

    check_precision(precision)
    space = open_workspace(workspace)
    chosen = tuple(dict.fromkeys(names(datasets)))
    changed = load_recipe(recipe, settings or [])
    if precision != "auto" and changed.chain(variant):  # `only` encodes in it and trains nothing
        changed = load_recipe(recipe, [*(settings or []), f"precision={precision}"])
    request = TrainRequest(variant, changed, chosen, backbone, name or variant, seed, device, pooling)
    check(space, request)
    for sentence in warnings(space, request):
        say(f"Warning: {sentence}")
    if not request.chain:
        if detach:
            raise BadInput("only trains nothing, so there is nothing to detach. Leave --detach out.")
        _only(request, precision, space)
        return

    def work(observer: Observer) -> Model:
        from engine.training.variant import train as train_variant

        return train_variant(space, request, observer)

    model = submit.submit_job(space, "train", work, detach=detach, device=lambda: _device_to_lock(device))
    if model is not None and os.environ.get("RANK", "0") == "0":  # of several processes one speaks
        say(
            f"{model.name}: {' -> '.join(request.chain)} from {model.backbone}, weights {model.weights_hash[:12]}. "
            f"Next: st5 evaluate {model.name} --datasets {','.join(chosen)}"
        )


def _device_to_lock(device: str) -> str:
    """The device whose turn a training waits for: also the CPU, which two would only make slower for each other."""
    from engine.encoding.device import choose_device

    return str(choose_device(device))


def _only(request: TrainRequest, precision: str, space: Workspace) -> None:
    from engine.models import make_only

    model = make_only(
        space,
        name=request.name,
        backbone=request.backbone,
        pooling=request.pooling,
        device=request.device,
        precision=precision,
    )
    from engine.text.prompts import Prompts

    prompts = Prompts.of(model.recipe)
    say(
        f"{model.name}: {model.backbone}, {model.recipe['length']} tokens, weights {model.weights_hash[:12]}"
        + (f", prompts: {prompts}." if prompts else ".")
    )
    if request.datasets:
        options = options_for(device=request.device, precision=precision)
        evaluate_all(space, [model.name], list(request.datasets), [options])
