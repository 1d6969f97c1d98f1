"""The names that are stored and asked for, one enum each; importing them costs nothing."""

from __future__ import annotations

from enum import StrEnum


class Split(StrEnum):
    """The part of a dataset that an event belongs to."""

    TRAIN = "train"
    VALID = "valid"
    TEST = "test"


class SplitKind(StrEnum):
    """How events were divided into train, valid and test."""

    TIMESTAMP = "timestamp"
    QUANTILE = "quantile"
    LEAVE_ONE_OUT = "leave-one-out"
    GIVEN = "given"


class Ties(StrEnum):
    """What decides between events of a user that share a time."""

    SHUFFLE = "shuffle"  # a keyed hash of user key, item key and seed: no order of rows goes into it
    FILE = "file"  # the order of the rows
    STRICT = "strict"  # as shuffle, and a valid or test event's history holds strictly earlier events only


class Seen(StrEnum):
    """Whether items of the history stay among the candidates."""

    KEEP = "keep"
    MASK = "mask"


class Slice(StrEnum):
    """The ways to divide events; `ALL` is the whole."""

    ALL = "all"
    DOMAIN = "domain"
    CATEGORY = "category"
    HISTORY_LENGTH = "history-length"
    VISIBLE_LENGTH = "visible-length"
    TARGET = "target"
    USER = "user"
    DUPLICATE_TEXT = "duplicate-text"


class State(StrEnum):
    """Readers see `ready` rows only."""

    WRITING = "writing"
    READY = "ready"


class TrialState(StrEnum):
    """Where a trial of a search is. One that was interrupted still waits."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class Phase(StrEnum):
    """The contrastive training phases (thesis 4.4)."""

    ITEM_DESCRIPTION = "item-description"
    SEQUENCE_SEQUENCE = "sequence-sequence"
    SEQUENCE_ITEM = "sequence-item"


class JobState(StrEnum):
    """Where a job is; succeeded, failed, cancelled and lost are final."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
