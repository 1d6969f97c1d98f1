"""Data brought into the workspace, one form per source."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed
from pathlib import Path
from typing import ClassVar

from store import datasets, evaluations
from store.errors import BadInput
from store.workspace import Workspace
from workbench.launch.field import choice, file, folder, text
from workbench.launch.job_form import AUTO, MOST, FormHints, JobForm, expanded_path, option, seed_of, whole

SPLITS = (
    (AUTO, "the files' own, else public dates, else quantiles of time"),
    ("timestamp", "train before t1, test from t2 on"),
    ("quantile", "80, 10 and 10 % of the events by time"),
    ("leave-one-out", "the last of each user is tested: leaks across users"),
)
TIES = (
    (AUTO, "shuffle where times are read, else file"),
    ("shuffle", "by a hash of user, item and seed: for any order of rows the same"),
    ("file", "the order of the rows"),
    ("strict", "as shuffle; valid and test histories end before the target's time"),
)
ALPHABETS = ((AUTO, "what fits the source"), ("ascii", "as in the thesis"), ("unicode", "everything stays"))
REPLACING = (
    ("no", "other content under a name that is taken is refused"),
    ("yes", "the dataset of this name and its evaluations are deleted"),
)
REVIEWS, BENCHMARK, HUB = "reviews", "benchmark", "hub"
LAYOUTS = (
    (REVIEWS, "raw reviews and item metadata, json lines"),
    (BENCHMARK, "the public CSV files with histories, and metadata"),
    (HUB, "downloaded"),
)
LONGEST_TIME = 10**14  # ms since 1970: the year 5138


@dataclass(frozen=True)
class IngestForm(JobForm):
    """What every source can be told."""

    READS_TIMES: ClassVar[bool] = True

    name: str = text("name", "what the source suggests")
    timestamp_format: str = text("times", "auto; else s, ms, us, ns, iso, position or %d/%m/%Y")
    split: str = choice("split", AUTO, SPLITS)
    t1: str = text("t1", "ms since 1970: valid begins here")
    t2: str = text("t2", "ms since 1970: test begins here")
    caps: str = text("caps", "all events; else TRAIN,VALID,TEST as in 300000,85714,42857")
    ties: str = choice("ties", AUTO, TIES)
    seed: str = text("seed", "0")
    text: str = choice("text", AUTO, ALPHABETS)
    replace: str = choice("replace", "no", REPLACING)

    @property
    def called(self) -> tuple[str, ...]:
        """The names that the datasets get, as far as they are known before reading."""
        return (self.name,) if self.name else ()

    def shows(self, name: str) -> bool:
        if name in ("t1", "t2"):
            return self.split == "timestamp"
        if name == "timestamp_format":
            return self.READS_TIMES
        return name != "seed" or bool(self.caps) or self.ties != "file"

    def files(self) -> dict[str, str]:
        """The paths that are needed, by the option that takes each."""
        return {}

    def options(self) -> list[str]:
        dates = [*option("--t1", self.t1), *option("--t2", self.t2)] if self.shows("t1") else []
        return [
            *(word for name, path in self.files().items() for word in option(name, expanded_path(path))),
            *option("--name", self.name),
            *(option("--timestamp-format", self.timestamp_format, AUTO) if self.READS_TIMES else []),
            *option("--split", self.split, AUTO),
            *dates,
            *option("--caps", self.caps),
            *option("--ties", self.ties, AUTO),
            *(option("--seed", self.seed) if self.shows("seed") else []),
            *option("--text", self.text, AUTO),
            *(["--replace"] if self.replace == "yes" else []),
        ]

    def check(self, workspace: Workspace) -> None:
        from engine.dataset_name import check_name
        from engine.sources.blocks import existing
        from engine.sources.timestamp_format import checked_format

        checked_format(self.timestamp_format or AUTO)
        for name, path in self.files().items():
            if not path:
                raise BadInput(f"{name}: choose a file (Ctrl+O looks for one).")
            existing(Path(expanded_path(path)))
        for called in self.called:
            check_name(called)
        self._check_split()

    def warning(self, workspace: Workspace) -> str:
        if self.replace == "yes" or not (there := self._existing(workspace)):
            return ""
        return f"{there[0]} exists: the same files and options change nothing, any others are refused."

    def deletes(self, workspace: Workspace) -> str:
        if self.replace != "yes" or not (there := self._existing(workspace)):
            return ""
        with workspace.read() as db:
            count = sum(len(evaluations.evaluations(db, dataset=name, every=True)) for name in there)
        results = {0: "It has no evaluations.", 1: "Its 1 evaluation is deleted with it."}.get(
            count, f"Its {count:,} evaluations are deleted with it."
        )
        return f"Replace the dataset {there[0]}? {results} The same files and options delete nothing."

    def kept(self, *, started: bool) -> IngestForm:
        """Neither `replace` nor, after a start, the name is carried over to the next dataset."""
        return changed(self, replace="no", name="" if started else self.name)

    def _existing(self, workspace: Workspace) -> list[str]:
        """The names among `called` that a dataset has already."""
        if not workspace.exists():
            return []
        with workspace.read() as db:
            there = {dataset.name for dataset in datasets.datasets(db)}
        return [name for name in self.called if name in there]

    def _check_split(self) -> None:
        if self.shows("t1"):
            first, second = (whole(name, getattr(self, name), 0, LONGEST_TIME) for name in ("t1", "t2"))
            if bool(self.t1) != bool(self.t2) or first > second:
                raise BadInput("t1 and t2 belong together, and t1 comes first.")
        if self.caps:
            parts = self.caps.split(",")
            if len(parts) != 3:
                raise BadInput(f'caps "{self.caps}": three whole numbers are needed, as in 300000,85714,42857.')
            for part in parts:
                whole("caps", part.strip() or "nothing", 0, MOST)
        if self.shows("seed"):
            seed_of(self.seed)


@dataclass(frozen=True)
class MovielensForm(IngestForm):
    """`st5 ingest movielens`."""

    KIND: ClassVar[str] = "ingest movielens"
    SUMMARY: ClassVar[str] = "films and their ratings"

    folder: str = folder("folder", "MovieLens-100k as it is embedded")

    @property
    def called(self) -> tuple[str, ...]:
        own = self.name or (Path(expanded_path(self.folder)).absolute().name if self.folder else "")
        return (own,) if own else ()

    def options(self) -> list[str]:
        return [*([expanded_path(self.folder)] if self.folder else []), *super().options()]

    def check(self, workspace: Workspace) -> None:
        where = Path(expanded_path(self.folder))
        if self.folder and not where.is_dir():
            raise BadInput(f"{where}: no such folder. Choose the one that holds the MovieLens files (Ctrl+O looks).")
        super().check(workspace)


@dataclass(frozen=True)
class AmazonForm(IngestForm):
    """`st5 ingest amazon23`."""

    KIND: ClassVar[str] = "ingest amazon23"
    SUMMARY: ClassVar[str] = "Amazon Reviews'23"

    domain: str = text("domain", "the product category, as in All_Beauty")
    layout: str = choice("files", REVIEWS, LAYOUTS)
    reviews: str = file("reviews", "raw reviews")
    train: str = file("train", "timestamp_w_his CSV")
    valid: str = file("valid", "the same of valid")
    test: str = file("test", "the same of test")
    meta: str = file("meta", "item metadata")
    kind: str = choice("kind", "benchmark", ("benchmark", "raw"))
    source: str = text("source", "the public dataset; else another, or a folder laid out like it", names_path=True)

    @property
    def called(self) -> tuple[str, ...]:
        own = self.name or self.domain
        return (own,) if own else ()

    def shows(self, name: str) -> bool:
        layouts = {"reviews": REVIEWS, "train": BENCHMARK, "valid": BENCHMARK, "test": BENCHMARK, "kind": HUB,
                   "source": HUB}  # fmt: skip
        if name == "meta":
            return self.layout != HUB
        return layouts[name] == self.layout if name in layouts else super().shows(name)

    def files(self) -> dict[str, str]:
        every = {name: getattr(self, name) for name in ("reviews", "train", "valid", "test", "meta")}
        return {f"--{name}": path for name, path in every.items() if self.shows(name)}

    def options(self) -> list[str]:
        hub = ["--from-hub", *option("--kind", self.kind, "benchmark"), *option("--source", self.source)]
        return [*option("--domain", self.domain), *(hub if self.layout == HUB else []), *super().options()]

    def check(self, workspace: Workspace) -> None:
        if not self.domain:
            raise BadInput("domain: name the product category, as in All_Beauty.")
        super().check(workspace)


@dataclass(frozen=True)
class YelpForm(IngestForm):
    """`st5 ingest yelp`."""

    KIND: ClassVar[str] = "ingest yelp"
    SUMMARY: ClassVar[str] = "the Yelp Open Dataset"

    business: str = file("business", "yelp_academic_dataset_business.json")
    review: str = file("review", "yelp_academic_dataset_review.json")

    @property
    def called(self) -> tuple[str, ...]:
        return (self.name or "Yelp",)

    def files(self) -> dict[str, str]:
        return {"--business": self.business, "--review": self.review}


@dataclass(frozen=True)
class TableForm(IngestForm):
    """`st5 ingest table`."""

    KIND: ClassVar[str] = "ingest table"
    SUMMARY: ClassVar[str] = "any events and items: CSV, Parquet, json lines"

    events: str = file("events", "a row per event")
    items: str = file("items", "a row per item")
    name: str = text("name", "of the dataset")
    user: str = text("user", "column: user_id")
    item: str = text("item", "column: item_id, in both files")
    order: str = text("order", "column: timestamp, else position")
    rating: str = text("rating", "column: rating; none leaves it out")
    title: str = text("title", "column: title")
    description: str = text("description", "column: description")
    category: str = text("category", "category, else categories, genres …; none leaves it out")
    domain: str = text("domain", "what is sold or seen here; else the name")

    def files(self) -> dict[str, str]:
        return {"--events": self.events, "--items": self.items}

    def options(self) -> list[str]:
        columns = ("user", "item", "order", "rating", "title", "description", "category", "domain")
        return [
            *super().options(),
            *(word for name in columns for word in option(f"--{name}", getattr(self, name))),
        ]

    def hints(self, workspace: Workspace) -> FormHints:
        """The columns of CSV files, and which one is taken as the category."""
        from engine.sources.table_head import category_of, head_of

        remarks = {}
        for name in ("events", "items"):
            path = Path(expanded_path(getattr(self, name)))
            names = head_of(path).names if path.is_file() else ()
            if names:
                remarks[name] = f"columns: {', '.join(names)}"
            taken_as_category = category_of(names) if name == "items" and not self.category else None
            if taken_as_category not in (None, "category"):
                remarks["category"] = f"taken: {taken_as_category}"
        return FormHints(remarks)

    def check(self, workspace: Workspace) -> None:
        if not self.name:
            raise BadInput("name: the dataset needs one.")
        super().check(workspace)
        self._check_columns()

    def _check_columns(self) -> None:
        """What the first line of a CSV file tells; the columns of other files are known when they are read."""
        from engine.sources.table_head import NO_COLUMN, column, head_of

        def look(path: Path, needed: dict[str, str], others: tuple[str, ...]) -> None:
            names = head_of(path).names
            if not names:
                return
            for name, usual in needed.items():
                column(path, names, name, getattr(self, name), usual)
            for name in others:
                asked = getattr(self, name)
                if asked and (asked != NO_COLUMN or name == "order"):
                    column(path, names, name, asked, asked)

        look(Path(expanded_path(self.events)), {"user": "user_id", "item": "item_id"}, ("order", "rating"))
        look(Path(expanded_path(self.items)), {"item": "item_id", "title": "title"}, ("description", "category"))


@dataclass(frozen=True)
class SyntheticForm(IngestForm):
    """`st5 ingest synthetic`."""

    KIND: ClassVar[str] = "ingest synthetic"
    SUMMARY: ClassVar[str] = "a made-up shop of several domains"
    READS_TIMES: ClassVar[bool] = False

    users: str = text("users", "2000 of each domain")
    items: str = text("items", "600 of each domain")
    domains: str = text("domains", "3: a dataset each")

    @property
    def called(self) -> tuple[str, ...]:
        return (self.name,) if self.name and self.domains == "1" else ()

    def shows(self, name: str) -> bool:
        return name == "seed" or super().shows(name)

    def options(self) -> list[str]:
        own = [word for name in ("users", "items", "domains") for word in option(f"--{name}", getattr(self, name))]
        return [*own, *super().options()]

    def check(self, workspace: Workspace) -> None:
        for name in ("users", "items", "domains"):
            whole(name, getattr(self, name), 1, MOST)
        super().check(workspace)
