"""Killed or interrupted at any moment, an evaluation leaves a whole workspace, and the next run finishes it."""

from __future__ import annotations

import builtins
import os
import random
import shutil
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.encoding.encoder import Encoder
from engine.text.sentences import Sentence
from tests.interruptible import ended, interrupted_after, killed_after, processor_time, start
from tests.program import Program
from tests.small_shop import many

EVALUATE = ("evaluate", "tiny", "--datasets", "shop", "--precision", "fp32")
ITEMS, USERS = 150, 500


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Path:
    """A workspace with a dataset and a text model, and an evaluation of pop that must survive everything."""
    workspace = many(tmp_path_factory.mktemp("prepared") / "w", users=USERS, items=ITEMS)
    program = Program(workspace.folder)
    assert program("train", "only", "--backbone", tiny_t5, "--name", "tiny").code == 0
    assert program("evaluate", "pop", "--datasets", "shop").code == 0
    return workspace.folder


def numbers(folder: Path, model: str) -> list[dict[str, Any]]:
    return list(Program(folder)("results", "--json", "--model", model).document)


@dataclass(frozen=True)
class Undisturbed:
    """What an undisturbed evaluation takes in processor time, and finds; `sentences` counts the distinct ones."""

    seconds: float
    numbers: list[dict[str, Any]]
    sentences: int


@pytest.fixture(scope="module")
def undisturbed(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    shutil.copytree(prepared, folder / "warm")
    shutil.copytree(prepared, folder / "w")
    words = folder / "words"
    for name in ("warm", "w"):  # the first one fills the caches of compiled code
        assert ended(start(folder / name, words, *EVALUATE), words) == 0, words.read_text()
    return Undisturbed(processor_time(words), numbers(folder / "w", "tiny"), look(folder / "w")[0])


def look(folder: Path) -> tuple[int, int]:
    """Sentences with a vector, and finished evaluations; fails where the database is not whole."""
    with sqlite3.connect(folder / "st5.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        vectors = db.execute("SELECT ifnull(sum(rows), 0) FROM embedding_block").fetchone()[0]
        finished = db.execute("SELECT count(*) FROM evaluation WHERE state = 'ready'").fetchone()[0]
    db.close()
    return int(vectors), int(finished)


def test_killed_at_random_moments_it_finishes_with_the_same_numbers(
    prepared: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    expected, seconds, words = undisturbed.numbers, undisturbed.seconds, tmp_path / "words"
    folder = Path(shutil.copytree(prepared, tmp_path / "w"))
    before = numbers(folder, "pop")
    draw = random.Random(0)
    killed = 0
    for number in range(8):
        kill = partial(killed_after, draw.uniform(0.02, 0.9) * seconds)
        code = ended(start(folder, words, *EVALUATE, prepare=kill), words)
        assert code in (0, -signal.SIGPROF), words.read_text()
        killed += code != 0
        _, finished = look(folder)
        assert numbers(folder, "pop") == before
        # Half an evaluation is no evaluation: there are all the numbers or none.
        assert numbers(folder, "tiny") == (expected if finished == 2 else [])
        if finished == 2:  # what was stored before was most of the work: once more from the beginning
            folder = Path(shutil.copytree(prepared, tmp_path / f"w{number}"))
    assert killed > 2
    assert Program(folder)(*EVALUATE).code == 0
    assert numbers(folder, "tiny") == expected
    assert look(folder) == (undisturbed.sentences, 2)
    with sqlite3.connect(folder / "st5.db") as db:  # nothing of the dead runs is left
        assert db.execute("SELECT count(*) FROM evaluation").fetchone() == (2,)


def interrupted_after_some_histories() -> None:
    encode = Encoder.encode

    def counted(self: Encoder, sentences: Sequence[Sentence]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for found in encode(self, sentences):
            yield found
            if len(sentences) > ITEMS:
                os.kill(os.getpid(), signal.SIGINT)

    Encoder.encode = counted  # type: ignore[method-assign]


def test_interrupted_it_says_so_keeps_what_is_done_and_goes_on_from_there(
    prepared: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    expected, said = undisturbed.numbers, tmp_path / "words"
    folder = Path(shutil.copytree(prepared, tmp_path / "w"))
    code = ended(start(folder, said, *EVALUATE, prepare=interrupted_after_some_histories), said)
    kept, finished = look(folder)
    words = said.read_text()
    assert code == 130, words
    assert "Interrupted. What was finished is kept" in words
    assert "Traceback" not in words
    assert ITEMS < kept < undisturbed.sentences
    assert finished == 1
    again = Program(folder)(*EVALUATE)
    assert again.code == 0
    assert look(folder) == (
        undisturbed.sentences,
        2,
    )  # each sentence was encoded once: it went on, it did not start anew
    # The rest was encoded in other batches, where vectors may differ in the last bit.
    found = numbers(folder, "tiny")
    assert [(row["slice"], row["value"], row["metric"], row["n"]) for row in found] == [
        (row["slice"], row["value"], row["metric"], row["n"]) for row in expected
    ]
    whole = [(a["mean"], b["mean"]) for a, b in zip(found, expected, strict=True) if a["slice"] == "all"]
    assert [a for a, _ in whole] == pytest.approx([b for _, b in whole], abs=0.005)


def test_interrupted_at_random_moments_the_workspace_stays_whole(
    prepared: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    expected = undisturbed.numbers
    draw = random.Random(1)
    codes = []
    for number, moment in enumerate(draw.uniform(0.05, 1.1) for _ in range(8)):
        folder = Path(shutil.copytree(prepared, tmp_path / f"w{number}"))
        interrupt = partial(interrupted_after, moment * undisturbed.seconds)
        said = tmp_path / "words"
        code = ended(start(folder, said, *EVALUATE, prepare=interrupt), said)
        codes.append(code)
        words = said.read_text()
        assert code in (0, 130), words
        assert "Traceback" not in words
        _, finished = look(folder)
        if code == 0:
            assert numbers(folder, "tiny") == expected
        elif finished == 1:
            assert numbers(folder, "tiny") == []
        shutil.rmtree(folder)
    assert 130 in codes


def test_two_at_once_do_the_work_once(prepared: Path, undisturbed: Undisturbed, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(prepared, tmp_path / "w"))
    processes = [start(folder, tmp_path / f"words{n}", *EVALUATE) for n in range(2)]
    for number, process in enumerate(processes):
        words = tmp_path / f"words{number}"
        assert ended(process, words) == 0, words.read_text()
    assert look(folder) == (undisturbed.sentences, 2)
    assert numbers(folder, "tiny") == undisturbed.numbers


def swallowing() -> None:
    """Ctrl-C is pressed in an import, which passes over it."""
    imports, pressed = builtins.__import__, []

    def importing(name: str, *rest: Any, **named: Any) -> Any:
        if name == "engine.evaluation" and not pressed:
            pressed.append(name)
            with suppress(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)
        return imports(name, *rest, **named)

    builtins.__import__ = importing


def test_an_interrupt_that_a_library_swallowed_is_not_lost(prepared: Path, tmp_path: Path) -> None:
    said = tmp_path / "words"
    code = ended(start(prepared, said, *EVALUATE, "--sample", "3", prepare=swallowing), said)
    words = said.read_text()
    assert code == 130, words
    assert "Interrupted" in words
    assert "Traceback" not in words


def test_killed_while_a_model_is_saved_the_next_run_makes_it(prepared: Path, tiny_t5: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(prepared, tmp_path / "w"))
    train = ("train", "only", "--backbone", str(tiny_t5), "--name", "again", "--precision", "fp32")
    words, whole = tmp_path / "words", Path(shutil.copytree(prepared, tmp_path / "whole"))
    assert ended(start(whole, words, *train), words) == 0, words.read_text()
    seconds, draw = processor_time(words), random.Random(2)
    for _ in range(6):
        kill = partial(killed_after, draw.uniform(0.02, 0.95) * seconds)
        ended(start(folder, words, *train, prepare=kill), words)
        look(folder)
        names = {model["name"] for model in Program(folder)("models", "--json").document}
        assert "again" not in names or (folder / "models" / "again" / "model.safetensors").exists()
    assert Program(folder)(*train).code == 0
    assert Program(folder)("evaluate", "again", "--datasets", "shop", "--sample", "5").code == 0


def test_the_same_model_made_twice_at_once_is_one_model(prepared: Path, tiny_t5: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(prepared, tmp_path / "w"))
    train = ("train", "only", "--backbone", str(tiny_t5), "--name", "again")
    processes = [start(folder, tmp_path / f"words{n}", *train) for n in range(3)]
    for number, process in enumerate(processes):
        words = tmp_path / f"words{number}"
        assert ended(process, words) == 0, words.read_text()
    names = [model["name"] for model in Program(folder)("models", "--json").document]
    assert names.count("again") == 1
    assert Program(folder)("evaluate", "again", "--datasets", "shop", "--sample", "5").code == 0
