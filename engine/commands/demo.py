"""`st5 demo`: the whole way once, on embedded data."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from typing import TYPE_CHECKING

from engine.commands.options import DetachOption, WorkspaceOption, open_workspace
from engine.commands.output import print_table, progress_bar, say
from store.words import Seen

if TYPE_CHECKING:
    from engine.demo import Contrast, Shown
    from engine.progress import Observer, Progress
    from engine.training.request import TrainRequest
    from store.workspace import Workspace


def demo(detach: DetachOption = False, workspace: WorkspaceOption = None) -> None:
    """Ingest embedded films and a synthetic shop, train and run the first models, and show what they find.

    Example: st5 demo
    """
    from engine.jobs import door
    from engine.jobs.worker import JOB

    space = open_workspace(workspace)
    option = f" --workspace {workspace}" if workspace else ""

    def work(observer: Observer) -> bool:
        _whole_way(space, lambda: nullcontext(observer.progress), option)
        observer.tell("result", "everything of the demo is there")
        return True

    if detach or JOB in os.environ:
        door.run(space, "demo", work, detach=detach)
    else:  # its training is a job, the rest is over before one could look at it
        _whole_way(space, progress_bar, option)


def _whole_way(space: Workspace, watched: Callable[[], AbstractContextManager[Progress]], option: str) -> None:
    """All of the demo; `option`: how a command line names this workspace."""
    started = monotonic()
    from engine import demo as work
    from engine.step_times import Times
    from store import evaluations

    times = Times({"loading libraries": monotonic() - started})
    say(f"Workspace: {space.folder.absolute()}. What is there already is not made again.")
    with watched() as progress:
        found = work.prepare(space, times, progress)
    with times.step("training final"):
        _train(space, work.training(space, found))
    with watched() as progress:
        made = work.run(space, found, times, progress)
    with space.read() as db:
        rows = evaluations.metric_rows(db, slice_name="all", seen=Seen.MASK)
        shown = work.show_users(db, made)
        contrasts = work.contrasts(db, made)
        gains = work.gains(db, made)
    means = {(row.evaluation.id, row.metric.metric): row.metric for row in rows}
    lines = []
    for run in sorted(made, key=lambda run: [dataset.name for dataset in found].index(run.dataset)):
        ndcg, hit = (means[run.evaluation.id, name] for name in ("ndcg@10", "hr@10"))
        interval = f"[{ndcg.low:.3f}, {ndcg.high:.3f}]"
        lines.append((run.dataset, run.label, ndcg.n, f"{ndcg.mean:.3f}", interval, f"{hit.mean:.3f}"))
    print_table(
        ["dataset", "model", "n", "NDCG@10", "95 % interval", "HR@10"],
        lines,
        title="Test events against the full catalogue; seen items left out; ties in expectation; intervals by user",
        right="n,NDCG@10,HR@10",
    )
    for user in shown:
        _print_user(user)
    _print_findings(contrasts, [dataset.name for dataset in found])
    _print_gains(gains)
    slowest = sorted(times.seconds.items(), key=lambda step: -step[1])
    say(
        f"\nTook {sum(times.seconds.values()):.0f} s: "
        + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest if seconds >= 0.1)
        + "."
    )
    say(f"Look at it: st5{option} opens the workbench (4 Results, 5 Users, 6 Map; ? helps, q leaves).")


def _train(space: Workspace, request: TrainRequest) -> None:
    """Train as a job like any other, so that its curves can be looked at; nothing where it was trained before."""
    from engine.jobs import door
    from engine.training import variant
    from engine.training.request import check

    check(space, request)
    if variant.find(space, request) is not None:
        return
    words = ["train", request.variant, "--datasets", ",".join(request.datasets), "--backbone", request.backbone]
    door.run(
        space,
        "train",
        lambda observer: variant.train(space, request, observer),
        arguments=[*words, "--recipe", request.recipe.name],
    )


def _print_user(user: Shown) -> None:
    print_table(
        ["", *(f"{model}: target at {user.places[model]}" for model in user.lists)],
        [
            (place + 1, *(("→ " if hit else "") + item.title for item, hit in places))
            for place, places in enumerate(zip(*user.lists.values(), strict=True))
        ],
        title=f"{user.dataset}, user {user.user}: … {'; '.join(user.history)}. Chose: {user.target}",
    )


def _print_findings(contrasts: list[Contrast], names: list[str]) -> None:
    """Say for every dataset whether text alone helps, and in which slice most and least."""
    say("What these numbers say (NDCG@10 of the untouched encoder against popularity):")
    for name in names:
        own = [c for c in contrasts if c.dataset == name]
        whole = next(c for c in own if c.slice == "all")
        word = "above" if whole.text > whole.popularity else "below"
        far = "far " if max(whole.text, whole.popularity) > 2 * min(whole.text, whole.popularity) else ""
        made_up = " (synthetic)" if name.startswith("synthetic-") else ""
        say(f"  {name}{made_up}: {whole.text:.3f} is {far}{word} {whole.popularity:.3f}.")
        parts = [c for c in own if c.slice not in ("all", "domain")]
        for label, part in (("helps most", parts[0]), ("helps least", parts[-1])):
            where = f"{part.slice} is {part.value} (n {part.n})"
            say(f"    text {label} where {where}: {part.text:.3f} against {part.popularity:.3f}")
    say("`only` marks where items begin and end with tokens that this backbone never met in training; `only,")
    say("unstructured` leaves the marks out. The difference is what training has to teach first.")
    say("The three users above are the text model's best cases, chosen to show what it can do, not how often.")


def _print_gains(gains: dict[str, tuple[float, float]]) -> None:
    """Say what a few minutes of training changed."""
    say("What three short phases of training changed (`final` against `only`; a thousand pairs a phase):")
    for name, (before, after) in gains.items():
        say(f"  {name}: {before:.3f} -> {after:.3f}")
