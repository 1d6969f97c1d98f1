"""MovieLens in all its layouts: 100k, 1M and 10M, latest and 20M onwards, and RecBole's atomic files."""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from engine.sources import delimited
from engine.sources.blocks import read_blocks
from engine.sources.fields import json_object, key, text
from engine.sources.interactions import Catalogue, Interactions
from engine.sources.line_stats import LineStats, Rows
from engine.sources.source_data import SourceData
from engine.sources.table_head import Head, TableKind, head_of, require
from engine.sources.timestamp_format import TimestampFormat
from engine.sources.timestamps import TimeReader
from store.errors import BadInput

RATING_COLUMNS = ("user", "item", "rating", "order")
TITLES = ("movie_title", "title", "name", "item_name")
GENRES_100K = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
NO_GENRE = ("unknown", "(no genres listed)")

ARTICLES = "The|A|An|La|Le|Les|Un|Une|El|Los|Las|Una|Il|Lo|Gli|Uno|Der|Die|Das|Ein|Eine|Det|Den"
TRAILING_ARTICLE = rf"^([^()]+), ({ARTICLES})( \(.*)?$"
TRAILING_ARTICLE_WITHIN = rf"\((a\.k\.a\. )?([^()]+), ({ARTICLES})\)"
TRAILING_ELISION = r"^([^()]+), (L['’])( \(.*)?$"
TRAILING_ELISION_WITHIN = r"\((a\.k\.a\. )?([^()]+), (L['’])\)"


@dataclass(frozen=True)
class _Layout:
    """The two files of one layout: `csv`, `dat`, `100k` or `atomic`."""

    name: str
    ratings: Path
    movies: Path


def read(folder: Path, timestamp_format: str = TimestampFormat.AUTO) -> SourceData:
    """Ratings as interactions (times in any unit) and films as items; the layout is told by the file names.

    100k: u.data, u.item. 1M and 10M: ratings.dat, movies.dat. latest*, 20M …: ratings.csv, movies.csv. Atomic: one
    *.inter and one *.item; they may lack ratings, and times (the lines' order is the position then). Category: the
    genres joined with `|`. A trailing article moves to the front, as people write it: "American President, The (1995)"
    becomes "The American President (1995)". Atomic titles get their year. Raises BadInput where no layout fits, for
    files that cannot be read, and above 1 % of broken lines.
    Format: the README of each archive, https://grouplens.org/datasets/movielens.
    """
    layout = _detect(folder)
    dropped: Counter[str] = Counter()
    times = _times(layout, timestamp_format)
    interactions = Interactions("rating", dropped, times)
    stats = LineStats(layout.ratings, "ratings")
    for rows in _ratings(layout, stats):
        first = interactions.rows_seen
        number = pl.int_range(first, first + rows.frame.height).cast(pl.String).alias("order")
        frame = rows.frame if "order" in rows.frame else rows.frame.with_columns(number)
        interactions.add(Rows(frame, rows.location), stats)
    stats.finish(dropped)
    items = Catalogue(dropped)
    stats = LineStats(layout.movies, "items")
    for frame in _films(layout, stats):
        genres = text("category").str.replace_all("|", ", ", literal=True)
        items.add(
            frame.select(
                key("key"),
                text("title"),
                pl.lit(None, pl.String).alias("description"),
                text("category"),
                json_object({"genres": genres}).alias("fields"),
            )
        )
    stats.finish(dropped)
    return SourceData(
        platform="movielens",
        domain="Movies",
        items=items.lazy(str(layout.movies)),
        interactions=interactions.lazy(str(layout.ratings)),
        timed=times.timed,
        files=(layout.ratings, layout.movies),
        settings={"layout": layout.name, "folder": folder.resolve().name} | times.recorded,
        dropped=dropped,
    )


def embedded_folder() -> Path:
    """The folder of MovieLens-100k inside the installed recbole package; BadInput with the command where it is not."""
    found = importlib.util.find_spec("recbole")
    for location in (found.submodule_search_locations if found else None) or []:
        folder = Path(location) / "dataset_example" / "ml-100k"
        if folder.is_dir():
            return folder
    raise BadInput(
        "The embedded MovieLens-100k is not installed. Install it with `pip install --no-deps recbole==1.2.1`, "
        "or pass a MovieLens folder to `st5 ingest movielens`."
    )


def _detect(folder: Path) -> _Layout:
    if not folder.is_dir():
        kind = "is a file, not a folder" if folder.exists() else "no such folder"
        raise BadInput(f"{folder}: {kind}. Pass the unpacked MovieLens folder.")
    pairs = {"csv": ("ratings.csv", "movies.csv"), "dat": ("ratings.dat", "movies.dat"), "100k": ("u.data", "u.item")}
    for name, (ratings, movies) in pairs.items():
        found = [_plain_or_gz(folder, ratings), _plain_or_gz(folder, movies)]
        if found[0] and found[1]:
            return _Layout(name, found[0], found[1])
        there = found[0] or found[1]
        if there is not None:
            missing = movies if found[0] else ratings
            raise BadInput(f"{folder / missing}: no such file beside {there.name}. Unpack both.")
    inter, item = sorted(folder.glob("*.inter")), sorted(folder.glob("*.item"))
    if len(inter) == 1 and len(item) == 1:
        return _Layout("atomic", inter[0], item[0])
    inner = [location.name for location in sorted(folder.iterdir()) if location.is_dir() and _holds_ratings(location)]
    hint = (
        f"Did you mean {' or '.join(str(folder / name) for name in inner[:3])}?"
        if inner
        else "Unpack the archive first."
    )
    raise BadInput(
        f"{folder}: no MovieLens files. Expected u.data and u.item, ratings.dat and movies.dat, ratings.csv and "
        f"movies.csv, or one *.inter and one *.item. {hint}"
    )


def _holds_ratings(folder: Path) -> bool:
    names = ("u.data", "ratings.dat", "ratings.csv")
    return any(_plain_or_gz(folder, name) for name in names) or any(folder.glob("*.inter"))


def _plain_or_gz(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _ratings(layout: _Layout, stats: LineStats) -> Iterator[Rows]:
    path = layout.ratings
    if layout.name in ("100k", "dat"):
        separator = "\t" if layout.name == "100k" else "::"
        yield from delimited.read(
            path, stats, names=RATING_COLUMNS, wanted=RATING_COLUMNS, separator=separator, skip=0, quoted=False
        )
        return
    head = head_of(path)
    atomic = layout.name == "atomic"
    theirs = ("user_id", "item_id", "rating", "timestamp") if atomic else ("userId", "movieId", "rating", "timestamp")
    named = dict(zip(RATING_COLUMNS, theirs, strict=True))
    present = {
        ours: name for ours, name in named.items() if not atomic or name in head.names or ours in ("user", "item")
    }
    require(path, head.names, present.values())
    for rows in delimited.read(
        path,
        stats,
        names=head.names,
        wanted=list(present.values()),
        separator=head.separator,
        skip=head.skip,
        quoted=not atomic,
    ):
        frame = rows.frame.select(pl.col(name).alias(ours) for ours, name in present.items())
        yield Rows(frame if "rating" in frame else frame.with_columns(rating=pl.lit(None, pl.String)), rows.location)


def _times(layout: _Layout, timestamp_format: str) -> TimeReader:
    """The reader of the layout's times; of the line's number where atomic files have none."""
    if layout.name == "atomic" and "timestamp" not in head_of(layout.ratings).names:
        if timestamp_format not in (TimestampFormat.AUTO, TimestampFormat.POSITION):
            require(layout.ratings, head_of(layout.ratings).names, ["timestamp"])
        return TimeReader(TimestampFormat.POSITION, "position")
    return TimeReader(timestamp_format)


def _films(layout: _Layout, stats: LineStats) -> Iterator[pl.DataFrame]:
    if layout.name == "100k":
        yield from _films_100k(layout.movies, stats)
    elif layout.name == "atomic":
        yield from _films_atomic(layout.movies, stats)
    else:
        yield from _films_with_genres(layout, stats)


def _films_100k(path: Path, stats: LineStats) -> Iterator[pl.DataFrame]:
    names = ["key", "title", "released", "video", "url", *GENRES_100K]
    wanted = ["key", "title", *GENRES_100K]
    for rows in delimited.read(
        path, stats, names=names, wanted=wanted, separator="|", skip=0, quoted=False, encoding=_encoding(path)
    ):
        flags = [pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in GENRES_100K if genre not in NO_GENRE]
        genres = pl.concat_str(flags, separator="|", ignore_nulls=True)
        yield rows.frame.select("key", _title_expression("title"), genres.alias("category"))


def _films_with_genres(layout: _Layout, stats: LineStats) -> Iterator[pl.DataFrame]:
    path = layout.movies
    dat = layout.name == "dat"
    wanted = ["movieId", "title", "genres"]
    head = Head(TableKind.CSV, tuple(wanted), "::", skip=0) if dat else head_of(path)
    require(path, head.names, wanted)
    for rows in delimited.read(
        path,
        stats,
        names=head.names,
        wanted=wanted,
        separator=head.separator,
        skip=head.skip,
        quoted=not dat,
        encoding=_encoding(path),
    ):
        genres = pl.when(~pl.col("genres").is_in(NO_GENRE)).then("genres")
        yield rows.frame.select(pl.col("movieId").alias("key"), _title_expression("title"), genres.alias("category"))


def _films_atomic(path: Path, stats: LineStats) -> Iterator[pl.DataFrame]:
    head = head_of(path)
    names = head.names
    require(path, names, ["item_id"])
    title = next((name for name in TITLES if name in names), None)
    if title is None:
        raise BadInput(
            f"{path} line 1: no column {', '.join(TITLES[:-1])} or {TITLES[-1]}; columns found: {', '.join(names)}. "
            f"Name the columns yourself: `st5 ingest table --events {path.with_suffix('.inter')} --items {path} "
            f"--name {path.stem} --title COLUMN`."
        )
    genres = next((name for name in ("class", "genre", "genres", "category", "categories") if name in names), None)
    year = next((name for name in ("release_year", "year") if name in names), None)
    wanted = ["item_id", title, *(name for name in (genres, year) if name)]
    for rows in delimited.read(
        path, stats, names=names, wanted=wanted, separator=head.separator, quoted=False, encoding=_encoding(path)
    ):
        full = _title_expression(title)
        if year:
            dated = pl.col(year).str.contains(r"^\d{4}$") & (full != "")
            full = pl.when(dated).then(pl.concat_str(full, pl.lit(" ("), pl.col(year), pl.lit(")"))).otherwise(full)
        category = pl.lit(None, pl.String)
        if genres:
            one_space = pl.col(genres).str.strip_chars().str.replace_all(r"\s+", "|")
            category = pl.when(~one_space.is_in(NO_GENRE)).then(one_space)
        yield rows.frame.select(pl.col("item_id").alias("key"), full.alias("title"), category.alias("category"))


def _title_expression(column: str) -> pl.Expr:
    return (
        pl.col(column)
        .str.strip_chars()
        .str.replace(TRAILING_ARTICLE, "${2} ${1}${3}")
        .str.replace(TRAILING_ELISION, "${2}${1}${3}")
        .str.replace_all(TRAILING_ARTICLE_WITHIN, "(${1}${3} ${2})")
        .str.replace_all(TRAILING_ELISION_WITHIN, "(${1}${3}${2})")
        .alias("title")
    )


def _encoding(path: Path) -> str:
    """`utf-8`, or `latin-1` as in the older archives: text with accents in latin-1 is no valid UTF-8."""
    try:
        for block in read_blocks(path):
            block.data.decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"
