"""`st5 events`: the events that meet a filter over the ranks of models, the history's length and the target."""

from __future__ import annotations

from math import isinf
from typing import Annotated, Any

import typer

from engine.commands.options import JsonOption, WorkspaceOption, names, open_workspace
from engine.commands.output import Form, chosen_form, print_csv, print_json, print_table, say
from engine.queries.event_filter import LETTERS, parse
from store.enums import Seen, Split
from store.errors import BadInput


def events(
    dataset: Annotated[str, typer.Option(help="Name of a dataset.")],
    models: Annotated[str, typer.Option(help="Up to three evaluated models, comma-separated: A, B and C of --where.")],
    where: Annotated[
        str,
        typer.Option(
            help="What an event must meet, such as: A in top 10, B not in top 50, A above B, length 5-20, cold target.",
            show_default="every event",
        ),
    ] = "",
    seen: Annotated[Seen, typer.Option(help="keep or mask the items of the history.")] = Seen.MASK,
    split: Annotated[Split, typer.Option(help="Which events.")] = Split.TEST,
    limit: Annotated[int, typer.Option(min=0, help="How many are printed; 0 prints all.")] = 20,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List the events that meet a filter, with each model's rank of the target.

    Ranks are expected ones over random order of ties; the workbench's Users (5) shows one event after the other.

    Example: st5 events --dataset ml-100k --models only,pop --where "A in top 10, B not in top 50"
    """
    from engine.queries.matching_events import expected_ranks, find_matching_events
    from engine.registry import stored_model
    from store import datasets, evaluations

    form, wanted, chosen = chosen_form(as_json=as_json, as_csv=as_csv, as_markdown=False), parse(where), names(models)
    if not 1 <= len(chosen) <= len(LETTERS):
        raise BadInput(f"--models {models}: {len(chosen)} models. Name one to {len(LETTERS)}, with commas between.")
    space = open_workspace(workspace)
    with space.read() as db:
        for model in chosen:
            stored_model(db, model)
        of = datasets.dataset(db, dataset)
        asked = [evaluations.newest_evaluation(db, model, dataset, split) for model in chosen]
        found = find_matching_events(db, of, wanted, asked, seen)
        shown = found.event[: limit or None]
        ranks = [expected_ranks(db, evaluation, shown, seen).tolist() for evaluation in asked]
        rows = [datasets.event(db, of.id, number) for number in shown.tolist()]
        keys = datasets.user_keys(db, of.id, [row.user for row in rows])
        items = datasets.items_by_id(db, of.id, [row.item for row in rows])
    listed: list[dict[str, Any]] = [
        {
            "event": row.event,
            "user": keys[row.user],
            "length": row.length,
            "item": items[row.item].key,
            "title": items[row.item].title,
            # of a target that is no candidate, or of an event that a sample left out, there is no rank
            "ranks": [None if isinf(of_model[place]) else of_model[place] for of_model in ranks],
        }
        for place, row in enumerate(rows)
    ]
    if form is Form.JSON:
        print_json(
            {"dataset": dataset, "where": wanted.words, "seen": seen.value, "models": chosen,
             "tested": found.looked_at, "found": len(found.event), "events": listed}
        )  # fmt: skip
        return
    columns = [f"rank {model}" for model in chosen]
    flat = [
        {key: value for key, value in row.items() if key != "ranks"} | dict(zip(columns, row["ranks"], strict=True))
        for row in listed
    ]
    if form is Form.CSV:
        print_csv(flat)
        return
    head = ["event", "user", "length", *columns, "title", "item"]
    letters = ", ".join(f"{letter} is {model}" for letter, model in zip(LETTERS, chosen, strict=False))
    print_table(
        head,
        [[_rank(row[name]) if name in columns else row[name] for name in head] for row in flat],
        title=f"{len(found.event):,} of {found.looked_at:,} events of {dataset}: {wanted.words or 'all'} ({letters})",
        right=",".join(["event", "length", *columns]),
        cut="title,user,item",
    )
    if len(shown) < len(found.event):
        say(f"The first {len(shown)}; --limit 0 prints all.")


def _rank(rank: float | None) -> str:
    return "–" if rank is None else f"{rank:g}"
