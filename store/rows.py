"""The frozen values that cross from the store to the engine and the workbench."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from store.enums import JobState, Phase, Seen, Split, SplitKind, Ties, TrialState

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Dataset:
    """One domain's catalogue and events. `events` counts by split, `dropped` rows by reason.

    `ties` is what decided between events of a user that share a time, `tie_seed` the seed of its hash. A dataset that
    `st5 experiment order` made of another one has its id in `arranged_from`, and in `arrangement` the order in words.
    """

    id: int
    name: str
    platform: str
    domain: str
    synthetic: bool
    source: dict[str, Any]
    split: SplitKind
    split_settings: dict[str, Any]
    timed: bool
    fingerprint: str
    users: int
    items: int
    interactions: int
    events: dict[str, int]
    dropped: dict[str, int]
    audit: dict[str, Any]
    created: str
    ties: Ties = Ties.FILE
    tie_seed: int = 0
    arranged_from: int | None = None
    arrangement: str = ""

    @property
    def same_time(self) -> str:
        """What decided between events of one time, as protocols say it: `shuffle seed 0`."""
        if self.arrangement:
            return self.arrangement
        return self.ties.value if self.ties is Ties.FILE else f"{self.ties} seed {self.tie_seed}"


@dataclass(frozen=True)
class Item:
    """One catalogue entry. `item` counts from 0 within its dataset; `category` may join several with `|`."""

    item: int
    key: str
    title: str
    description: str
    category: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """One prediction to make: after `length` items of sequence `sequence`, user `user` chose `item`."""

    event: int
    user: int
    sequence: int
    length: int
    item: int
    timestamp: int | None
    rating: float | None
    split: Split


@dataclass(frozen=True)
class Sequence:
    """What a user did, oldest first: items int32 [L], timestamps int64 [L] in ms or None, ratings float32 [L]."""

    items: np.ndarray
    timestamps: np.ndarray | None
    ratings: np.ndarray | None


@dataclass(frozen=True)
class Events:
    """Events of one dataset as columns of equal length E (int32; timestamps int64 ms, −1 where unknown).

    `history(row)` are the items of `event[row]`'s user before the target, oldest first.
    """

    event: np.ndarray
    user: np.ndarray
    sequence: np.ndarray
    length: np.ndarray
    item: np.ndarray
    timestamp: np.ndarray
    sequences: dict[int, np.ndarray]

    def __len__(self) -> int:
        return len(self.event)

    def history(self, row: int) -> np.ndarray:
        return self.sequences[int(self.sequence[row])][: int(self.length[row])]


@dataclass(frozen=True)
class Model:
    """Something that scores items for a history.

    `kind` is `text` or `baseline`; `weights_hash` is the content hash of everything that decides its scores;
    `folder` is relative to the workspace; `features` names the text model a baseline takes its vectors from.
    `trial`: a search over settings made it, so lists leave it out.
    """

    id: int
    name: str
    kind: str
    variant: str
    backbone: str
    folder: str
    weights_hash: str
    tokenizer_hash: str
    features: str
    recipe: dict[str, Any]
    lineage: list[dict[str, Any]]
    seed: int | None
    code_version: str
    device: str
    created: str
    trial: bool = False


@dataclass(frozen=True)
class Evaluation:
    """One model ranked on one dataset under one protocol; `key` is the hash of all that decides its numbers."""

    id: int
    key: str
    model: str
    dataset: str
    split: Split
    protocol: dict[str, Any]
    candidates: int
    n: int
    seconds: float
    device: str
    created: str

    @property
    def protocol_text(self) -> str:
        """The protocol in one line, as tables and JSON show it."""
        p = self.protocol
        parts = [f"{p['candidates']} of {self.candidates}", f"ties {p['ties']}"]
        if p.get("history"):
            parts.append(f"{p['history']}, {p['item_text']}, {p['window']} tokens")
        if p.get("prompts"):
            parts.append('prompts "{history}" before histories, "{item}" before items'.format(**p["prompts"]))
        if p.get("newest"):
            parts.append(f"newest {p['newest']} items of a history")
        if p.get("whitening"):
            parts.append(f"features whitened by {p['whitening']}")
        if p.get("sample"):
            parts.append(f"sample {p['sample']} seed {p['sample_seed']}")
        if "shuffled" in p:
            parts.append(f"histories shuffled with seed {p['shuffled']}")
        parts.append(f"events of one time: {p.get('same_time', Ties.FILE)}")
        return "; ".join(parts)


@dataclass(frozen=True)
class Metric:
    """A mean over the events of a slice, with a 95 % interval clustered by user and bounds under ties.

    `mean`, `low`, `high`: every event weighs the same. `user_mean` …: every user weighs the same.
    `lower`, `upper`: the mean if every tie went against or for the target.
    """

    slice: str
    value: str
    metric: str
    seen: str
    n: int
    users: int
    mean: float
    low: float
    high: float
    user_mean: float
    user_low: float
    user_high: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Ranks:
    """What one evaluation found, one row per event (E rows), in the order of `event`.

    better, tied: candidates scoring strictly above / exactly as the target, seen items kept; `_masked`: without
    the seen items. Those four, `event` and `visible` (items of the history that the model read) are int32 [E].
    score float32 [E] is the target's. top_items int32 [E, 50] (−1 where fewer) and top_scores float32 [E, 50] are
    the best of all candidates, `_masked` the best without seen items; ordered by score, then by item.
    """

    event: np.ndarray
    visible: np.ndarray
    better: np.ndarray
    tied: np.ndarray
    better_masked: np.ndarray
    tied_masked: np.ndarray
    score: np.ndarray
    top_items: np.ndarray
    top_scores: np.ndarray
    top_items_masked: np.ndarray
    top_scores_masked: np.ndarray

    def __len__(self) -> int:
        return len(self.event)


@dataclass(frozen=True)
class Job:
    """One command that runs, or ran, as a process of its own.

    `arguments` follow `st5` on the command line; `folder` is the directory they were given in; `pid` and `host` are
    those of the worker. `created`, `started` and `finished` are UTC, "" where it has not come to that; `seconds` is
    run time by the worker's monotonic clock and `beats` its heartbeats. `done` of `total` (0 = not known) of `stage`
    are behind it; `message` is one line for people; `cancel` is "" or "asked"; `resumes` the job it goes on with.
    """

    id: int
    kind: str
    arguments: list[str]
    folder: str
    state: JobState
    pid: int | None
    host: str
    device: str
    created: str
    started: str
    finished: str
    seconds: float
    beats: int
    stage: str
    done: int
    total: int
    message: str
    cancel: str
    resumes: int | None
    exit_code: int | None

    @property
    def command(self) -> str:
        """The command line as one would type it: `st5 train nopre --datasets shop`."""
        return shlex.join(["st5", *self.arguments])


@dataclass(frozen=True)
class JobEvent:
    """Something a job told, `number` counting from 1 within the job; `at` is UTC."""

    job: int
    number: int
    at: str
    kind: str
    message: str


@dataclass(frozen=True)
class Series:
    """A named curve of one phase: steps int64 [N], rising; values float64 [N], NaN where it was; seconds float64 [N].

    `seconds` is the run time at which each point was measured, over all jobs that the phase took.
    """

    phase: str
    name: str
    steps: np.ndarray
    values: np.ndarray
    seconds: np.ndarray


@dataclass(frozen=True)
class TrainedPhase:
    """A finished training phase; `key` is the hash of all that decides its weights.

    parent: the key of the phase before it, or the weights hash of the backbone. settings: the recipe's, resolved.
    datasets: fingerprint by name. summary: counts and results (`pairs`, `steps`, `identical`, `best_step`, …).
    seconds: run time of the phase, over all the jobs that it took.
    """

    key: str
    phase: Phase
    parent: str
    settings: dict[str, Any]
    datasets: dict[str, str]
    seed: int
    summary: dict[str, Any]
    weights_hash: str
    code_version: str
    device: str
    seconds: float
    created: str


@dataclass(frozen=True)
class TrainedBaseline:
    """A baseline's weights for one dataset; `key` is the hash of all that decides them, `folder` is relative.

    summary: counts and results (`epochs`, `best_epoch`, `ndcg@10` on valid events, …).
    """

    key: str
    model: str
    dataset: str
    folder: str
    weights_hash: str
    settings: dict[str, Any]
    summary: dict[str, Any]
    seconds: float
    device: str
    code_version: str
    created: str


@dataclass(frozen=True)
class RatingRun:
    """A rating predictor trained and tested on one dataset; `features` is the text model it reads, "" for none.

    summary: counts and results (`train`, `valid`, `best_epoch`, `scale`, …); n: test events.
    """

    id: int
    key: str
    predictor: str
    features: str
    dataset: str
    settings: dict[str, Any]
    summary: dict[str, Any]
    seed: int
    n: int
    seconds: float
    device: str
    code_version: str
    created: str

    @property
    def name(self) -> str:
        """How tables call it: `ridge (only)`."""
        return f"{self.predictor} ({self.features})" if self.features else self.predictor


@dataclass(frozen=True)
class RatingError:
    """RMSE or MAE over the test events of a slice, in the ratings' own unit, with a 95 % interval clustered by user.

    `user_…`: every user weighs the same.
    """

    slice: str
    value: str
    metric: str
    n: int
    users: int
    mean: float
    low: float
    high: float
    user_mean: float
    user_low: float
    user_high: float


@dataclass(frozen=True)
class Projection:
    """A map of items or users of some datasets; the points are read apart (`store.projections.points`)."""

    id: int
    key: str
    model: str
    kind: str
    method: str
    datasets: tuple[str, ...]
    parameters: dict[str, Any]
    quality: dict[str, Any]
    seed: int
    n: int
    seconds: float
    device: str
    code_version: str
    created: str


@dataclass(frozen=True)
class Points:
    """The n points of a projection.

    dataset int32 [n] counts through the projection's datasets; row int32 [n] is the item's or user's id there;
    place float32 [n, 2]; neighbours int32 [n, N] are the nearest other points (indices) in the original space,
    nearest first, −1 where there are fewer.
    """

    dataset: np.ndarray
    row: np.ndarray
    place: np.ndarray
    neighbours: np.ndarray


@dataclass(frozen=True)
class StoredExperiment:
    """An experiment asked for in this workspace: its definition (TOML text) and the arguments of the last time."""

    name: str
    definition: str
    arguments: dict[str, Any]
    code_version: str
    updated: str


@dataclass(frozen=True)
class Search:
    """A search over the settings of `model` (a baseline, or a variant of a recipe) on the valid events of a dataset.

    `key` is the hash of all that decides its trials; `request` is what was asked for, as JSON holds it; `metric` and
    `seen` decide which trial is the best.
    """

    id: int
    key: str
    model: str
    dataset: str
    request: dict[str, Any]
    metric: str
    seen: Seen
    code_version: str
    created: str


@dataclass(frozen=True)
class Trial:
    """One combination of settings of a search, `number` counting from 1.

    model: the name of the model that it makes. settings: values as they were written, by key. seed: of its training,
    None where nothing is random. message: why it failed. seconds: of training and evaluation. result: the search's
    metric over all valid events, None until it is done, or once its evaluation is gone.
    """

    search: int
    number: int
    model: str
    settings: dict[str, str]
    seed: int | None
    state: TrialState
    message: str
    seconds: float
    result: Metric | None
