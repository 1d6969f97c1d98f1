"""`st5 rate`: predict ratings, and measure the error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.commands.evaluation import DatasetsOption, DeviceOption, PrecisionOption, check_precision
from engine.commands.options import DetachOption, JsonOption, SeedOption, WorkspaceOption, names, open_workspace
from engine.commands.output import print_json, print_table, say

if TYPE_CHECKING:
    from engine.progress import Observer
    from store.rows import RatingError, RatingRun

BY_USE = (("user", "warm"), ("user", "cold"), ("target", "warm"), ("target", "cold"))


def rate(
    name: Annotated[
        str, typer.Argument(help="mean, user-mean, item-mean, bias, pmf, biased-mf, ridge or dense (thesis 5.1.5).")
    ],
    datasets: DatasetsOption,
    features: Annotated[
        str, typer.Option(help="The text model that ridge and dense take their vectors from.", show_default="only")
    ] = "",
    seed: SeedOption = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Such as penalty=5, factors=32, epochs=20; repeatable."),
    ] = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    detach: DetachOption = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict the ratings of test events, and measure the error.

    Example: st5 rate bias --datasets ml-100k
    """
    from engine.jobs import submit
    from engine.rating.predictor import named, settings_of
    from engine.rating.request import RateRequest, check

    predictor = named(name)
    check_precision(precision)
    request = RateRequest(predictor, settings_of(predictor, settings or []), features, seed, device, precision)
    space, chosen = open_workspace(workspace), names(datasets)
    check(space, request, chosen)

    def work(observer: Observer) -> list[RatingRun]:
        from engine.rating.run import rate as rate_one

        made = []
        for dataset in chosen:
            run = rate_one(space, request, dataset, observer)
            made.append(run)
            words = f"{run.name} on {dataset}: {run.n} ratings in {run.seconds:.1f} s"
            observer.tell("rating", words)
            say("; ".join([words, *_remarks(run)]))
        observer.tell("result", words if len(made) == 1 else f"{len(made)} rating runs")
        return made

    made = submit.submit_job(space, "rate", work, detach=detach, device=lambda: _device_to_lock(device))
    if made is not None:
        from store.ratings import rating_errors

        with space.read() as db:
            _print([(run, rating_errors(db, run.id)) for run in made], as_json=as_json)


def error_json(run: RatingRun, error: RatingError) -> dict[str, Any]:
    """One error as `rate --json` prints it."""
    return {
        "predictor": run.predictor,
        "features": run.features,
        "dataset": run.dataset,
        "seed": run.seed,
        **vars(error),
        "settings": run.settings,
        "summary": run.summary,
        "run": run.key,
    }


def _device_to_lock(device: str) -> str:
    """The accelerator whose turn the work waits for; processors are shared."""
    from engine.encoding.device import choose_device

    chosen = choose_device(device)
    return "" if chosen.type == "cpu" else str(chosen)


def _remarks(run: RatingRun) -> list[str]:
    """What a reader of the number should know."""
    told = []
    if run.summary["held_out"]:
        told.append(f"no valid ratings, so {run.summary['valid']} of train were held out")
    if run.summary["unrated"]:
        told.append(f"{run.summary['unrated']} test events have no rating and are left out")
    if "user_vector" in run.summary:
        told.append(f"users from the {run.summary['user_vector']}")
    return told


def _print(runs: list[tuple[RatingRun, list[RatingError]]], *, as_json: bool) -> None:
    if as_json:
        print_json([error_json(run, error) for run, errors in runs for error in errors])
        return
    rows = []
    for run, errors in runs:
        found = {(error.slice, error.value, error.metric): error for error in errors}
        whole = [found["all", "all", metric] for metric in ("rmse", "mae")]
        parts = [found.get((*part, "rmse")) for part in BY_USE]
        rows.append(
            (
                run.name,
                run.dataset,
                run.n,
                *(f"{error.mean:.4f} [{error.low:.4f}, {error.high:.4f}]" for error in whole),
                *(f"{error.mean:.4f} ({error.n})" if error else "–" for error in parts),
            )
        )
    columns = ["predictor", "dataset", "n", "RMSE", "MAE", *(f"{value} {name}s" for name, value in BY_USE)]
    print_table(
        columns,
        rows,
        title="Errors in the unit of the ratings, 95 % intervals clustered by user; warm and cold: RMSE (n).",
        right=",".join(columns[2:]),
    )
