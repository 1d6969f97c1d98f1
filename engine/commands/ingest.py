"""`st5 ingest …`: read a source, prepare it as the thesis does, store it once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.audit.order_findings import verdict as order_verdict
from engine.commands.datasets import as_document, print_datasets
from engine.commands.options import DetachOption, JsonOption, SeedOption, WorkspaceOption, open_workspace
from engine.commands.output import print_json, progress_bar, say
from engine.sources.timestamp_format import METAVAR, checked_format
from store.enums import Split, SplitKind, Ties
from store.errors import BadInput

if TYPE_CHECKING:
    from engine.ingest import IngestOptions
    from engine.progress import Observer
    from engine.sources.source_data import SourceData
    from store.rows import Dataset

ingest = typer.Typer(
    rich_markup_mode=None, add_completion=False, help="Read a source into the workspace.", no_args_is_help=True
)

NameOption = Annotated[str | None, typer.Option("--name", help="Name of the dataset.", show_default=False)]
SplitOption = Annotated[
    SplitKind | None,
    typer.Option(
        "--split",
        help="How to divide events into train, valid and test. By default: the files' own split where they have one, "
        "the public timestamps for amazon23 reviews, quantiles (80/10/10) for other timed data, leave-one-out where "
        "only the order is known.",
        show_default=False,
    ),
]
T1Option = Annotated[
    int | None, typer.Option("--t1", help="ms since 1970: train is before it, valid from it on.", show_default=False)
]
T2Option = Annotated[int | None, typer.Option("--t2", help="ms since 1970: test is from it on.", show_default=False)]
CapsOption = Annotated[
    str | None,
    typer.Option(
        "--caps",
        metavar="TRAIN,VALID,TEST",
        help="At most so many events of each split, chosen by --seed; the thesis has 300000,85714,42857.",
        show_default=False,
    ),
]
TiesOption = Annotated[
    Ties | None,
    typer.Option(
        "--ties",
        help="What decides between events of a user that share a time. shuffle: a hash of user, item and --seed, for "
        "any order of rows the same; file: the order of the rows; strict: as shuffle, and valid and test histories end "
        "before the target's time. [default: shuffle where times are read, else file]",
        show_default=False,
    ),
]
TextOption = Annotated[
    str | None,
    typer.Option(
        "--text",
        metavar="ascii|unicode",
        help="Characters that stay: ascii as in the thesis (amazon23, yelp, synthetic), or unicode (the others).",
        show_default=False,
    ),
]
TimestampFormatOption = Annotated[
    str,
    typer.Option(
        "--timestamp-format",
        metavar=METAVAR,
        help="How times are written. By default numbers in s, ms, us and ns are told apart by their size, and dates in "
        'the common forms are read; a pattern is as of strftime, "%d/%m/%Y %H:%M".',
        show_default=False,
    ),
]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Replace the dataset of this name; its evaluations are deleted.")
]
FileOption = Path | None


@ingest.command()
def amazon23(
    domain: Annotated[str, typer.Option("--domain", help="The product category, as in All_Beauty.")],
    reviews: Annotated[FileOption, typer.Option("--reviews", help="Raw reviews, json lines.")] = None,
    meta: Annotated[FileOption, typer.Option("--meta", help="Raw item metadata, json lines.")] = None,
    train: Annotated[FileOption, typer.Option("--train", help="0core/timestamp_w_his CSV of train.")] = None,
    valid: Annotated[FileOption, typer.Option("--valid", help="The same of valid.")] = None,
    test: Annotated[FileOption, typer.Option("--test", help="The same of test.")] = None,
    from_hub: Annotated[bool, typer.Option("--from-hub", help="Download the public dataset's files.")] = False,
    kind: Annotated[str, typer.Option("--kind", metavar="benchmark|raw", help="Which files of the hub.")] = "benchmark",
    source: Annotated[
        str | None,
        typer.Option("--source", help="Another dataset of the hub, or a folder laid out like it.", show_default=False),
    ] = None,
    timestamp_format: TimestampFormatOption = "auto",
    split: SplitOption = None,
    t1: T1Option = None,
    t2: T2Option = None,
    caps: CapsOption = None,
    ties: TiesOption = None,
    seed: SeedOption = 0,
    text: TextOption = None,
    name: NameOption = None,
    replace_old: ReplaceOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Amazon Reviews'23: raw reviews and metadata, or the benchmark's CSV files with histories.

    Example: st5 ingest amazon23 --domain All_Beauty --reviews All_Beauty.jsonl.gz --meta meta_All_Beauty.jsonl.gz
    """
    options = _options(name or domain, split, t1, t2, caps, seed, text, replace_old, ties)
    hub_files = (kind, source) if from_hub else None
    read = _amazon_reader(domain, reviews, meta, (train, valid, test), hub_files, checked_format(timestamp_format))
    _store(workspace, lambda: [(read(), options)], as_json, detach=detach)


@ingest.command()
def yelp(
    business: Annotated[Path, typer.Option("--business", help="yelp_academic_dataset_business.json.")],
    review: Annotated[Path, typer.Option("--review", help="yelp_academic_dataset_review.json.")],
    timestamp_format: TimestampFormatOption = "auto",
    split: SplitOption = None,
    t1: T1Option = None,
    t2: T2Option = None,
    caps: CapsOption = None,
    ties: TiesOption = None,
    seed: SeedOption = 0,
    text: TextOption = None,
    name: NameOption = None,
    replace_old: ReplaceOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """The Yelp Open Dataset: official json lines of businesses and reviews.

    Example: st5 ingest yelp --business business.json --review review.json
    """
    from engine.sources import yelp as files

    options = _options(name or "Yelp", split, t1, t2, caps, seed, text, replace_old, ties)
    checked_format(timestamp_format)
    _there(business, review)
    _store(workspace, lambda: [(files.read(business, review, timestamp_format), options)], as_json, detach=detach)


@ingest.command()
def movielens(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder of MovieLens 100k, 1M, 10M, latest*, or of RecBole's .inter and .item files; by default the "
            "MovieLens-100k inside the recbole package.",
            show_default=False,
        ),
    ] = None,
    timestamp_format: TimestampFormatOption = "auto",
    split: SplitOption = None,
    t1: T1Option = None,
    t2: T2Option = None,
    caps: CapsOption = None,
    ties: TiesOption = None,
    seed: SeedOption = 0,
    text: TextOption = None,
    name: NameOption = None,
    replace_old: ReplaceOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """MovieLens in any of its layouts.

    Example: st5 ingest movielens ml-latest-small --split quantile
    """
    from engine.sources import movielens as files

    place = files.embedded_folder() if folder is None else folder
    options = _options(name or place.absolute().name, split, t1, t2, caps, seed, text, replace_old, ties)
    checked_format(timestamp_format)
    _store(workspace, lambda: [(files.read(place, timestamp_format), options)], as_json, detach=detach)


@ingest.command()
def table(
    events: Annotated[Path, typer.Option("--events", help="Events: CSV, TSV, Parquet or json lines, gzip or plain.")],
    items: Annotated[Path, typer.Option("--items", help="Items, in any of the same formats.")],
    name: Annotated[str, typer.Option("--name", help="Name of the dataset.")],
    user: Annotated[str | None, typer.Option("--user", help="[default: user_id]", show_default=False)] = None,
    item: Annotated[
        str | None, typer.Option("--item", help="Column of the item key in both files. [default: item_id]")
    ] = None,
    order: Annotated[
        str | None, typer.Option("--order", help="[default: timestamp, else position]", show_default=False)
    ] = None,
    rating: Annotated[
        str | None, typer.Option("--rating", help="none leaves ratings out. [default: rating]", show_default=False)
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="[default: title]", show_default=False)] = None,
    description: Annotated[
        str | None, typer.Option("--description", help="[default: description]", show_default=False)
    ] = None,
    category: Annotated[
        str | None,
        typer.Option(
            "--category",
            help="[default: category, else categories, genres, genre or main_category; none leaves it out]",
            show_default=False,
        ),
    ] = None,
    timestamp_format: TimestampFormatOption = "auto",
    domain: Annotated[
        str | None, typer.Option("--domain", help="What is sold or seen here. [default: the name]", show_default=False)
    ] = None,
    split: SplitOption = None,
    t1: T1Option = None,
    t2: T2Option = None,
    caps: CapsOption = None,
    ties: TiesOption = None,
    seed: SeedOption = 0,
    text: TextOption = None,
    replace_old: ReplaceOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Any table of events and any table of items, by the names of their columns.

    Example: st5 ingest table --events plays.csv --items songs.csv --name songs --order played_at
    """
    from engine.sources import table as files

    options = _options(name, split, t1, t2, caps, seed, text, replace_old, ties)
    columns = files.Columns(user, item, order, rating, title, description, category)
    checked_format(timestamp_format)
    named = {role: column for role, column in asdict(columns).items() if column}
    _there(events, items)

    def read() -> list[tuple[SourceData, IngestOptions]]:
        raw = files.read(events, items, columns, timestamp_format, domain or name)
        return [(replace(raw, settings=raw.settings | {"columns": named}), options)]

    _store(workspace, read, as_json, detach=detach)


@ingest.command()
def synthetic(
    users: Annotated[int, typer.Option("--users", help="Users of each domain.")] = 2000,
    items: Annotated[int, typer.Option("--items", help="Items of each domain.")] = 600,
    domains: Annotated[int, typer.Option("--domains", help="Domains; each becomes a dataset.")] = 3,
    tied_share: Annotated[
        float, typer.Option("--tied-share", help="Share of a user's events that get the time of the one before.")
    ] = 0.0,
    seed: SeedOption = 0,
    split: SplitOption = None,
    t1: T1Option = None,
    t2: T2Option = None,
    caps: CapsOption = None,
    ties: TiesOption = None,
    text: TextOption = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--name",
            help="Datasets are called NAME-<domain>, or NAME if there is one domain. [default: synthetic]",
            show_default=False,
        ),
    ] = None,
    replace_old: ReplaceOption = False,
    detach: DetachOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """A generated shop: no real people, no real products; for load tests and to see several domains.

    Example: st5 ingest synthetic --users 2000 --items 600 --domains 3 --seed 0
    """
    import tempfile

    from engine.sources import synthetic as shop

    options = _options(name or "synthetic", split, t1, t2, caps, seed, text, replace_old, ties)

    def read() -> Iterator[tuple[SourceData, IngestOptions]]:
        with tempfile.TemporaryDirectory(prefix="st5-shop-") as folder:
            for raw in shop.read_shop(Path(folder), users, items, domains, seed, tied_share):
                called = options.name if name and domains == 1 else f"{options.name}-{raw.domain}"
                yield raw, replace(options, name=called)

    _store(workspace, read, as_json, detach=detach)


@ingest.command()
def arrangements(
    name: Annotated[str, typer.Argument(help="The dataset, which stays as it is.")],
    detach: DetachOption = False,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """A stored dataset once more, with its events of one time in eight other orders; for `st5 experiment order`.

    They are called NAME~shuffle0 to NAME~shuffle4, NAME~rising, NAME~falling (by item key) and NAME~strict. Lists leave
    them out; commands take their names. Example: st5 ingest arrangements ml-100k
    """
    from engine.arrangements import refusal, unfit
    from engine.jobs import submit
    from store.datasets import dataset as stored_dataset

    space = open_workspace(workspace)
    with space.read() as db:
        found = stored_dataset(db, name)
    if reason := unfit(found):
        raise BadInput(refusal(found, reason))

    def work(observer: Observer) -> list[Dataset]:
        from engine.rearranging import arrange

        made = arrange(space, name, observer.progress)
        observer.tell("result", f"{name}: {len(made)} arrangements of its events of one time")
        return made

    made = submit.submit_job(space, "ingest", work, detach=detach)
    if made is None:
        return
    if as_json:
        print_json([as_document(dataset) for dataset in made])
    else:
        print_datasets(made)


def _amazon_reader(
    domain: str,
    reviews: Path | None,
    meta: Path | None,
    csv_files: tuple[Path | None, Path | None, Path | None],
    hub_files: tuple[str, str | None] | None,
    timestamp_format: str,
) -> Callable[[], SourceData]:
    """What reads the files that the options name; hub_files: kind and source of files that are still to be found."""
    train, valid, test = csv_files
    if hub_files is not None:
        if any((reviews, meta, *csv_files)):
            raise BadInput("--from-hub finds the files itself: pass either it, or the files.")
        from platformdirs import user_cache_path

        from engine.sources import hub

        kind, source = hub_files
        folder = user_cache_path("st5") / "hub"
        return lambda: hub.read(domain, kind, folder, source or hub.REPOSITORY, timestamp_format=timestamp_format)
    from engine.sources import amazon23 as files

    if meta is not None and reviews is not None and not any(csv_files):
        _there(reviews, meta)
        return lambda: files.read_raw(reviews, meta, domain, timestamp_format)
    if meta is not None and reviews is None and train is not None and valid is not None and test is not None:
        _there(train, valid, test, meta)
        return lambda: files.read_benchmark(train, valid, test, meta, domain, timestamp_format)
    raise BadInput(
        "ingest amazon23 reads one of: --reviews FILE --meta FILE; "
        "--train FILE --valid FILE --test FILE --meta FILE; --from-hub. Pass all the files of one of them."
    )


def _options(
    name: str,
    split: SplitKind | None,
    t1: int | None,
    t2: int | None,
    caps: str | None,
    seed: int,
    text: str | None,
    replace_old: bool,
    ties: Ties | None,
) -> IngestOptions:
    from engine.dataset_name import check_name
    from engine.ingest import IngestOptions
    from engine.preparation.cleaning import Alphabet

    check_name(name)
    if text is not None and text not in list(Alphabet):
        raise BadInput(f'--text "{text}": ascii (as in the thesis) and unicode are there.')
    alphabet = None if text is None else Alphabet(text)
    return IngestOptions(name, split, t1, t2, _three_caps(caps), seed, alphabet, replace_old, ties)


def _three_caps(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    try:
        train, valid, test = (int(part) for part in text.split(","))
    except ValueError:
        raise BadInput(
            f'--caps "{text}": three whole numbers are needed, TRAIN,VALID,TEST, as in 300000,85714,42857.'
        ) from None
    return train, valid, test


def _store(
    workspace: Path | None,
    read: Callable[[], Iterable[tuple[SourceData, IngestOptions]]],
    as_json: bool,
    *,
    detach: bool,
) -> None:
    """Read and store; as a job where that is asked, else here, so that bad input leaves the workspace untouched."""
    from engine.jobs.worker import JOB
    from engine.progress import Observer

    space = open_workspace(workspace)

    def work(observer: Observer) -> list[Dataset]:
        from engine.ingest import ingest as store_dataset

        made = [store_dataset(space, raw, options, observer.progress, say) for raw, options in read()]
        events = sum(sum(dataset.events.values()) for dataset in made)
        observer.tell("result", f"{', '.join(dataset.name for dataset in made)}: {events:,} events")
        return made

    if detach or JOB in os.environ:
        from engine.jobs import submit

        made = submit.submit_job(space, "ingest", work, detach=detach)
    else:
        with progress_bar() as progress:
            made = work(Observer(progress))
    if made is None:
        return
    for dataset in made:
        say(f"{dataset.name}: {order_verdict(dataset)}")
    if as_json:
        print_json([as_document(dataset) for dataset in made])
    else:
        print_datasets(made)
    for dataset in made:
        _warn(dataset)


def _there(*files: Path) -> None:
    """BadInput for the first that is no file: a job that could not read it would start for nothing."""
    from engine.sources.blocks import existing

    for file in files:
        existing(file)


def _warn(dataset: Dataset) -> None:
    for reason, count in dataset.dropped.items():
        say(f"{dataset.name}: {count:,} × {reason}")
    empty = [split for split in (Split.TRAIN, Split.VALID, Split.TEST) if not dataset.events.get(split)]
    if empty:
        say(
            f"Warning: {dataset.name} has no events in {' and '.join(empty)}. "
            f"The split is {dataset.split}{_boundaries(dataset.split_settings)}{_consequence(empty)}"
        )


def _consequence(empty: list[Split]) -> str:
    """What cannot be done without these events, and what to do."""
    lost = [words for split, words in ((Split.TRAIN, "trained"), (Split.TEST, "evaluated")) if split in empty]
    nothing = f", so nothing can be {' or '.join(lost)} on it" if lost else ""
    return f"{nothing}. Ingest it with another --split and --replace for all three parts."


def _boundaries(settings: dict[str, Any]) -> str:
    from engine.commands.datasets import moment

    return f" at {moment(settings['t1'])} and {moment(settings['t2'])}" if "t1" in settings else ""
