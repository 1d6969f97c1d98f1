"""What an experiment compares: a short TOML file, of the package or of one's own, read into a frozen dataclass."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from store.enums import Slice
from store.errors import BadInput, unknown

FOLDER = Path(__file__).resolve().parent / "definitions"
SHOW = "`st5 experiment main --definition` prints one that can be copied and changed."
NO_NAME = "list"  # `st5 experiment list` lists


class ExperimentKind(StrEnum):
    """What the rows and columns of an experiment are."""

    EVALUATIONS = "evaluations"  # dataset and metric × arm
    CURVES = "curves"  # a metric by slice value, a line for each arm
    RATINGS = "ratings"  # dataset and error × predictor
    PROJECTIONS = "projections"  # maps, and numbers on how well they separate
    DATASETS = "datasets"  # counts
    ORDER = "order"  # dataset, metric and order of the events of one time × arm
    ORDER_USE = "order-use"  # dataset, model and metric × histories as they are, shuffled, and what is lost


class Scope(StrEnum):
    """On which datasets a trained model is shown."""

    ANY = "any"
    UNSEEN = "unseen"  # those it was not trained on
    OTHER_PLATFORM = "other-platform"  # those of a platform it was not trained on


@dataclass(frozen=True)
class Arm:
    """One column. model: whose numbers it shows, "" for each of `--models` (by default the definition's `model`).

    history and item-text: what a text model reads, "" for what it was trained on. published: the thesis' name of the
    column. baseline, features: made by `st5 baseline`; train: the variant of `st5 train` that makes it; predictor: of
    `st5 rate`; settings: `KEY=VALUE` of the baseline, before those of `--set`.
    """

    label: str = ""
    model: str = ""
    history: str = ""
    item_text: str = ""
    published: str = ""
    baseline: str = ""
    features: str = ""
    train: str = ""
    predictor: str = ""
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Definition:
    """An experiment. table: the thesis' table with the published numbers; sample: events per dataset, 0 for all.

    metrics of curves: one curve each; slices: what the curves run over; maps and methods: of projections. `text` is
    the TOML that it was read from.
    """

    title: str = ""
    thesis: str = ""
    shows: str = ""
    kind: str = ""
    table: str = ""
    metrics: tuple[str, ...] = ("hr@10", "hr@50", "ndcg@10", "ndcg@50")
    sample: int = 0
    model: str = ""
    scope: str = Scope.ANY
    descriptions: bool = False
    slices: tuple[str, ...] = ()
    maps: tuple[str, ...] = ("items", "users")
    methods: tuple[str, ...] = ("tsne", "umap")
    arms: tuple[Arm, ...] = ()
    name: str = ""
    text: str = ""


OWN = ("name", "text")  # not written in the file
CHOICES: dict[str, tuple[str, ...]] = {
    "kind": tuple(ExperimentKind),
    "scope": tuple(Scope),
    "slices": tuple(Slice),
    "maps": ("items", "users"),
    "methods": ("tsne", "umap"),
    "history": (
        "structured",
        "unstructured",
        "instruction+structured",
        "instruction+unstructured",
        "newest-first",
        "unordered",
    ),
    "item-text": ("title", "title+description", "fields"),
}

Read = TypeVar("Read", Definition, Arm)


def definition_names() -> list[str]:
    """The experiments of the package."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load_definition(name_or_file: str) -> Definition:
    """A named experiment, or a file's (`./own.toml`: with a path separator or ending in .toml).

    `BadInput` says what is unknown, broken or not allowed, and where.
    """
    if not ("/" in name_or_file or "\\" in name_or_file or name_or_file.endswith(".toml")):
        if name_or_file not in definition_names():
            hint = "`st5 experiment list` says what they show; one of your own is a file: st5 experiment ./OWN.toml."
            raise unknown("experiment", name_or_file, definition_names(), hint)
        return _from_file(FOLDER / f"{name_or_file}.toml")
    file = Path(name_or_file).expanduser()
    if file.stem in (*definition_names(), NO_NAME) or not re.fullmatch(r"\w[\w.+-]*", file.stem):
        raise BadInput(
            f'{file}: an experiment takes its name from its file, and "{file.stem}" cannot be one of your own: '
            "it is taken, or holds more than letters, digits, - _ . +. Rename the file."
        )
    return _from_file(file)


def parse_definition(name: str, text: str, where: str = "") -> Definition:
    """The definition that a TOML text holds; complaints begin with `where`."""
    where = where or f'experiment "{name}"'
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where}: broken TOML ({error}). Lines read KEY = VALUE, texts in quotes. {SHOW}") from None
    arms = document.pop("arms", [])
    if not isinstance(arms, list) or not all(isinstance(arm, dict) for arm in arms):
        raise BadInput(f"{where}: arms is no list of tables. Write [[arms]], then KEY = VALUE lines. {SHOW}")
    said = _read(Definition(), document, where)
    for key in ("title", "kind"):
        if not getattr(said, key):
            raise BadInput(f"{where}: {key} is missing. Allowed: {_allowed(key, '')}. {SHOW}")
    columns = tuple(_arm(said, arm, f"{where} [[arms]] {number}") for number, arm in enumerate(arms, 1))
    labels = [arm.label for arm in columns]
    if len(set(labels)) < len(labels):
        raise BadInput(f"{where}: two arms have one label ({', '.join(labels)}). Give each its own.")
    if not columns and said.kind not in (ExperimentKind.DATASETS, ExperimentKind.ORDER_USE):
        raise BadInput(f"{where}: there are no arms, so there is nothing to compare. Write [[arms]] with a label.")
    _check_metrics(said, where)
    return replace(said, name=name, arms=columns, text=text)


def _from_file(file: Path) -> Definition:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(
            f"{file}: cannot be read ({error.strerror}). `st5 experiment list` has those with names."
        ) from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{file}: is not UTF-8 (byte {error.start}). Save it as UTF-8.") from None
    return parse_definition(file.stem, text, str(file))


def _arm(definition: Definition, document: Mapping[str, Any], where: str) -> Arm:
    arm = _read(Arm(), document, where)
    if not arm.label:
        raise BadInput(f'{where}: label is missing. Write label = "…", the head of its column.')
    if definition.kind == ExperimentKind.RATINGS:
        if not arm.predictor:
            raise BadInput(f'{where}: predictor is missing. Write predictor = "bias"; `st5 rate --help` names them.')
    elif not (arm.model or definition.model):
        raise BadInput(f'{where}: model is missing. Write model = "…" here, or at the top for all arms.')
    return arm


def _read(default: Read, document: Mapping[str, Any], where: str) -> Read:
    """The values of a table on top of the defaults, checked."""
    known = {field.name.replace("_", "-") for field in fields(default) if field.name not in (*OWN, "arms")}
    values: dict[str, Any] = {}
    for key, value in document.items():
        if key not in known:
            raise BadInput(f"{where}: {unknown('key', key, known, SHOW)}")
        name = key.replace("-", "_")
        values[name] = _checked(key, value, getattr(default, name), where)
    return replace(default, **values)


def _checked(key: str, value: Any, default: Any, where: str) -> Any:
    parts = [value]
    if isinstance(default, bool):
        fits = isinstance(value, bool)
    elif isinstance(default, int):
        fits = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    elif isinstance(default, tuple):
        fits = isinstance(value, list) and bool(value) and all(isinstance(part, str) for part in value)
        fits = fits and len(set(value)) == len(value)
        parts, value = (value, tuple(value)) if fits else (parts, value)
    else:
        fits = isinstance(value, str)
    if not fits:
        raise BadInput(f"{where}: {key} = {value!r} is not allowed. Allowed: {_allowed(key, default)}.")
    for part in parts if key in CHOICES else ():
        if part not in CHOICES[key]:
            raise BadInput(f"{where}: {unknown(key, part, CHOICES[key])}")
    return value


def _allowed(key: str, default: Any) -> str:
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, int):
        return "a whole number from 0"
    words = " or ".join(CHOICES[key]) if key in CHOICES else "a text in quotes"
    return f"a list, each at most once, of {words}" if isinstance(default, tuple) else words


def _check_metrics(definition: Definition, where: str) -> None:
    if definition.kind not in (
        ExperimentKind.EVALUATIONS,
        ExperimentKind.CURVES,
        ExperimentKind.ORDER,
        ExperimentKind.ORDER_USE,
    ):
        return
    from engine.measuring.metrics import METRICS

    for name in definition.metrics:
        if name not in METRICS:
            raise BadInput(f"{where}: {unknown('metric', name, METRICS)}")
    if definition.kind == ExperimentKind.CURVES and not definition.slices:
        raise BadInput(f'{where}: slices is missing. Write slices = ["history-length"], what the curves run over.')
