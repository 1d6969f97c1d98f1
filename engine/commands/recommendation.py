"""`st5 recommend`, `st5 why` and `st5 embeddings`: what one user would be shown, why, and the vectors behind it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.commands.evaluation import (
    DeviceOption,
    HistoryOption,
    ItemTextOption,
    PrecisionOption,
    check_precision,
    text_format,
)
from engine.commands.options import JsonOption, WorkspaceOption, open_workspace
from engine.commands.output import print_json, print_table, progress_bar, say
from engine.loading import loading
from engine.step_times import Times
from store.enums import Seen


class VectorKind(StrEnum):
    """Whose vectors."""

    ITEMS = "items"
    USERS = "users"
    EVENTS = "events"


def recommend(
    model: Annotated[str, typer.Argument(help="Name of a model.")],
    dataset: Annotated[str, typer.Option(help="Whose catalogue.")],
    user: Annotated[str | None, typer.Option(help="Key of a stored user.")] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(help="A title, a key, or any words; repeat it for each item of a history, oldest first."),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    seen: Annotated[Seen, typer.Option(help="keep or mask the items of the history.")] = Seen.MASK,
    history_format: Annotated[
        str,
        typer.Option(
            help="How the history becomes text (thesis 4.1.1).",
            show_default="what the model was trained on, else structured",
        ),
    ] = "",
    item_text: ItemTextOption = "",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    verbose: Annotated[bool, typer.Option("--verbose", help="Also say how long each step took.")] = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Recommend for a user, a list of titles, or words.

    Example: st5 recommend only --dataset ml-100k --history "Toy Story (1995)" --history "a film about chess"
    """
    times = Times()
    with times.step("loading libraries"), loading("engine.recommendation"):
        from engine.recommendation import recommend

    check_precision(precision)
    with progress_bar() as progress:
        query, best = recommend(
            open_workspace(workspace),
            model,
            dataset,
            user=user,
            history=history or [],
            k=k,
            seen=seen,
            text_format=text_format(history_format, item_text),
            device=device,
            precision=precision,
            progress=progress,
            times=times,
        )
    for text, item in query.entries[-10:]:
        say(f"  {text}" if item else f"  {text}  (read as words: no item of {dataset} has this title)")
    if verbose:
        _say_times(times)
    if as_json:
        print_json(
            [
                {"rank": r.rank, "item": r.item.key, "title": r.item.title, "score": r.score}
                | ({"shares": r.shares} if r.shares else {})
                for r in best
            ]
        )
        return
    parts = list(best[0].shares) if best else []
    print_table(
        ["rank", "title", "score", *parts, "item"],
        [(r.rank, r.item.title, f"{r.score:.4f}", *(f"{r.shares[p]:.4f}" for p in parts), r.item.key) for r in best],
        title=f"{model} on {dataset}, seen items {'left out' if seen is Seen.MASK else 'kept'}",
        right=",".join(["rank", "score", *parts]),
        cut="title,item",
    )


def why(
    model: Annotated[str, typer.Argument(help="Name of a model.")],
    item: Annotated[str, typer.Argument(help="Key or title of an item.")],
    dataset: Annotated[str, typer.Option(help="Whose catalogue.")],
    user: Annotated[str | None, typer.Option(help="Key of a stored user.")] = None,
    history: Annotated[
        list[str] | None,
        typer.Option(help="A title, a key, or any words; repeat it for each item of a history, oldest first."),
    ] = None,
    newest: Annotated[int, typer.Option(help="How many of the newest entries are left out in turn.")] = 10,
    history_format: Annotated[
        str,
        typer.Option(
            help="How the history becomes text (thesis 4.1.1).",
            show_default="what the model was trained on, else structured",
        ),
    ] = "",
    item_text: ItemTextOption = "",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Say why a model scores an item as it does: how much the score falls without each entry of the history.

    Of a model that adds several, also what each of them adds.

    Example: st5 why fusion "Toy Story (1995)" --dataset ml-100k --user 196
    """
    with loading("engine.recommendation"):
        from engine.recommendation import explain

    check_precision(precision)
    with progress_bar() as progress:
        found = explain(
            open_workspace(workspace),
            model,
            dataset,
            item,
            user=user,
            history=history or [],
            newest=newest,
            text_format=text_format(history_format, item_text),
            device=device,
            precision=precision,
            progress=progress,
        )
    entries = found.query.entries[len(found.query.entries) - len(found.falls) :]
    if as_json:
        print_json(
            {
                "model": model,
                "dataset": dataset,
                "item": found.item.key,
                "title": found.item.title,
                "score": found.score,
                "rank": found.position,
                "candidates": found.candidates,
                "falls": [
                    {"item": known.key if known else None, "title": text, "fall": fall}
                    for (text, known), fall in zip(entries, found.falls, strict=True)
                ],
                "shares": found.shares,
            }
        )
        return
    place = "it is in the history" if found.position is None else f"rank {found.position:g} of {found.candidates:,}"
    say(f"{model} scores {found.item.title} {found.score:.4f} for these {len(found.query.entries)} entries: {place}.")
    if found.shares:
        say("Of that " + ", ".join(f"{name} {share:+.4f}" for name, share in found.shares.items()) + ".")
    if not found.falls:
        say("The history has one entry, and without it there is nothing to read.")
        return
    print_table(
        ["entry left out", "score falls by"],
        [(text, f"{fall:+.4f}") for (text, _), fall in zip(entries, found.falls, strict=True)],
        right="score falls by",
        cut="entry left out",
    )


def _say_times(times: Times) -> None:
    """A line for each step, and what the whole process took so far."""
    import os
    from time import time

    from psutil import Process

    whole = time() - Process().create_time()
    for step, seconds in {"starting Python": whole - sum(times.seconds.values()), **times.seconds}.items():
        say(f"  {seconds:6.2f} s  {step}")
    say(f"  {whole:6.2f} s  in all, {sum(os.times()[:2]):.2f} s of them on a processor")


def embeddings(
    model: Annotated[str, typer.Argument(help="Name of a text model.")],
    dataset: Annotated[str, typer.Option(help="Name of a dataset.")],
    kind: Annotated[
        VectorKind, typer.Option(help="items; users (newest history known); events (one row per test event).")
    ],
    out: Annotated[Path, typer.Option(help="File to write: keys and vectors [n, D].")],
    history: HistoryOption = "",
    item_text: ItemTextOption = "",
    device: DeviceOption = "auto",
    precision: PrecisionOption = "auto",
    workspace: WorkspaceOption = None,
) -> None:
    """Export vectors as .npz.

    Example: st5 embeddings only --dataset ml-100k --kind items --out items.npz
    """
    import numpy as np

    from engine.commands.files import writing
    from engine.export import vectors_of

    check_precision(precision)
    with writing(out, binary=True) as file, progress_bar() as progress:
        keys, vectors = vectors_of(
            open_workspace(workspace),
            model,
            dataset,
            kind.value,
            text_format(history, item_text),
            device,
            precision,
            progress,
        )
        np.savez(file, keys=np.array(keys, dtype=np.str_), vectors=vectors)
    say(f"{out}: {len(keys)} {kind.value} of {dataset}, {vectors.shape[1]} dimensions, {model}.")
