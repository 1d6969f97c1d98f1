"""Identifiers are the field's words: these ones are banned, each with the word to use instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGES = ("engine", "store", "workbench", "tests")

# Participles say that something happened, not what it is.
PARTICIPLES = {
    "asked": "the noun: request, query, spec, requested_…",
    "found": "the noun: rows, matches, evaluations, …",
    "made": "the noun: model, projection, document, …",
    "said": "the noun: options, overrides, messages, …",
    "told": "the noun: events, messages, …",
}
# No subject of a program is a person who is not named.
PERSONS = dict.fromkeys(("nobody", "somebody", "whoever"), "the process, user or job that is meant")
# Pictures from elsewhere, for which the field has a word.
PICTURES = {
    "behind": "drill_down: the events of a number",
    "bury": "mark_lost",
    "draft": "job_form; for a history or a dataset name what it is: history_draft, dataset_draft",
    "feed": "batch_loader",
    "garbage": "gc_policy",
    "happening": "history_row",
    "holding": "session: a model that is loaded",
    "judge": "validate",
    "lease": "device_lock",
    "material": "training_data, rating_splits",
    "owners": "user_index",
    "panel": "aligned_evaluations; the widgets are called …Panel",
    "pile": "buffer",
    "place": "path, xy, rank, index or location",
    "places": "paths, ranks, indices or locations",
    "remembered": "ui_state",
    "tally": "stats",
    "visit": "user_event",
}
BANNED = PARTICIPLES | PERSONS | PICTURES
CLASSES = {
    "Asked": "MatchingEvents, or what was requested",
    "Behind": "DrillDown",
    "Feed": "BatchLoader",
    "Happening": "HistoryRow",
    "Hints": "FormHints",
    "Holding": "ModelSession",
    "Kind": "qualified: MetricKind, TableKind, …",
    "Material": "TrainingData, RatingSplits",
    "Offer": "FormOptions",
    "Panel": "AlignedEvaluations",
    "Pick": "RecommendedItem",
    "Pile": "SpillBuffer",
    "Question": "qualified: ExperimentContext, ComparisonSpec, EventFilter, ValidationSet",
    "Reading": "TextFormat",
    "Running": "JobContext",
    "Side": "qualified: ModelColumn, MapSide",
    "Tally": "LineStats",
    "Verdict": "ValidationResult",
}
MODULES = {
    "door": "submit",
    "gathering": "build",
    "kinds": "registry",
    "leases": "device_lock",
    "outside": "external_programs",
    "records": "rows",
    "remaking": "reproduce",
    "separated": "csv_table",
    "warm": "inference",
    "words": "enums",
}
# What other programs or stored workspaces rely on, and two words of a test.
EXCEPTIONS = {
    ("engine/audit/order_findings.py", "found"): "a key of `st5 datasets --json`",
    ("engine/experiments/sheet.py", "place"): "a key of `st5 experiment --json`, a column of the report's CSV",
    ("engine/report/cells.py", "place"): "as in `engine.experiments.sheet`",
    ("engine/tables/results_table.py", "place"): "as in `engine.experiments.sheet`",
    ("store/rows.py", "place"): "a column of projections in the database",
}


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """Names that a module defines, with their lines: classes (True), functions, arguments, fields and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.name, node.lineno, True
            for part in node.body:
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                    yield part.target.id, part.lineno, False
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.lineno, False
            arguments = node.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                yield argument.arg, argument.lineno, False
            for argument in filter(None, (arguments.vararg, arguments.kwarg)):
                yield argument.arg, argument.lineno, False
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno, False


def banned(text: str, path: str) -> list[str]:
    """A sentence for each identifier of a module's text that has a better word."""
    sentences = []
    stem = Path(path).stem
    if stem in MODULES or stem.endswith("_words"):
        sentences.append(f"{path}: call the module {MODULES.get(stem, stem.removesuffix('_words') + '_formatting')}")
    for name, line, is_class in identifiers(ast.parse(text)):
        bare = name.strip("_")
        better = (CLASSES if is_class else BANNED).get(bare)
        if better is not None and (path, bare) not in EXCEPTIONS:
            sentences.append(f"{path}:{line}: instead of {name} use {better}")
    return sentences


@pytest.mark.parametrize("package", PACKAGES)
def test_no_identifier_is_a_banned_word(package: str) -> None:
    files = sorted((PROJECT / package).rglob("*.py"))
    assert files
    found = [one for file in files for one in banned(file.read_text(), file.relative_to(PROJECT).as_posix())]
    assert not found, "\n".join(found)


def test_each_kind_of_identifier_is_seen() -> None:
    text = """
class Tally:
    told: int
    def _judge(self, asked, *said, place=0): self._found = asked
"""
    lines = banned(text, "engine/job_words.py")
    assert lines[0] == "engine/job_words.py: call the module job_formatting"
    assert {line.split(" ")[3] for line in lines[1:]} == {"Tally", "told", "_judge", "asked", "said", "place", "_found"}


def test_every_exception_is_needed() -> None:
    for path, name in EXCEPTIONS:
        names = {each.strip("_") for each, *_ in identifiers(ast.parse((PROJECT / path).read_text()))}
        assert name in names, f"{path} has no {name} any more"
