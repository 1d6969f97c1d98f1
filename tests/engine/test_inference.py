"""The inference process: it answers as the stored evaluation does, for any history, and only reads the workspace."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.inference.messages import (
    Answer,
    Ranking,
    RankRequest,
    Reasons,
    Refusal,
    Request,
    Stage,
    WhyRequest,
    from_line,
    to_line,
)
from engine.inference.session import ModelSession
from engine.progress import silent
from store import datasets
from store.connection import transaction
from store.errors import BadInput, Failed
from store.evaluations import evaluations, ranks
from store.workspace import Workspace
from tests.program import Program
from tests.small_shop import five_items

MODELS = ("tiny", "last-item-tiny", "pop", "bm25")
A, B, C, D, E = range(5)  # Lamp, Chair, Desk, Pen, Lamp; pop counts 2, 1, 0, 1, 0


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Workspace:
    space = five_items(tmp_path_factory.mktemp("warm"))
    program = Program(space.folder)
    exact = ("--datasets", "shop", "--precision", "fp32")  # bf16, where a machine prefers it, depends on the batch
    assert program("train", "only", "--backbone", tiny_t5, "--name", "tiny").code == 0
    assert program("baseline", "last-item", "--features", "tiny", *exact).code == 0
    assert program("evaluate", "tiny", "pop", "bm25", *exact).code == 0
    assert program("evaluate", "tiny", *exact, "--history", "unstructured").code == 0
    return space


@pytest.fixture(scope="module")
def keys(space: Workspace) -> dict[str, str]:
    """Keys of the evaluations by model; the one of another format as `tiny unstructured`."""
    with space.read() as db:
        return {
            e.model + (" unstructured" if e.protocol.get("history") == "unstructured" else ""): e.key
            for e in evaluations(db)
        }


@pytest.fixture(scope="module")
def session(space: Workspace) -> ModelSession:
    return ModelSession(space)


def ranked(session: ModelSession, key: str, *entries: int | str, target: int = -1, top: int = 5) -> Ranking:
    answer = session.answer(RankRequest(1, key, entries, target, top), silent)
    assert isinstance(answer, Ranking)
    return answer


def reasons(session: ModelSession, key: str, *entries: int | str, item: int, newest: int = 9) -> Reasons:
    answer = session.answer(WhyRequest(1, key, entries, item, newest), silent)
    assert isinstance(answer, Reasons)
    return answer


@pytest.mark.parametrize("model", [*MODELS, "tiny unstructured"])
def test_a_stored_history_gets_the_stored_ranks_bit_for_bit(
    space: Workspace, session: ModelSession, keys: dict[str, str], model: str
) -> None:
    with space.read() as db:
        evaluation = next(e for e in evaluations(db) if e.key == keys[model])
        stored = ranks(db, evaluation)
        events = datasets.events(db, datasets.dataset(db, "shop").id, evaluation.split)
    for row in range(len(stored)):
        history = events.history(row).tolist()
        answer = ranked(session, evaluation.key, *history, target=int(events.item[row]), top=50)
        assert answer.entries == tuple(history)
        for name in ("better", "tied", "better_masked", "tied_masked", "visible"):
            assert getattr(answer, name) == getattr(stored, name)[row]
        assert np.float32(answer.score) == stored.score[row]
        for suffix in ("", "_masked"):
            items = getattr(stored, f"top_items{suffix}")[row]
            there = items >= 0
            assert getattr(answer, f"items{suffix}") == tuple(items[there].tolist())
            np.testing.assert_array_equal(
                np.float32(getattr(answer, f"scores{suffix}")), getattr(stored, f"top_scores{suffix}")[row][there]
            )


def test_edits_change_what_is_masked_and_what_is_read(session: ModelSession, keys: dict[str, str]) -> None:
    # pop counts: A 2, B 1, C 0, D 1, E 0
    assert ranked(session, keys["pop"], A, B).items_masked == (D, C, E)
    assert ranked(session, keys["pop"], B).items_masked == (A, D, C, E)
    assert ranked(session, keys["pop"], B).items == (A, B, D, C, E)
    assert ranked(session, keys["bm25"], C).items[0] == C
    assert ranked(session, keys["last-item-tiny"], D, C).scores == ranked(session, keys["last-item-tiny"], C).scores
    assert ranked(session, keys["tiny"], A, C).scores != ranked(session, keys["tiny"], C, A).scores


def test_words_are_read_as_they_stand_unless_an_item_is_called_so(session: ModelSession, keys: dict[str, str]) -> None:
    for model in ("tiny", "bm25", "last-item-tiny"):
        words = ranked(session, keys[model], A, "a chair to sit on")
        assert words.entries == (A, "a chair to sit on")
        assert words.items_masked != words.items
        assert B in words.items_masked
        named = ranked(session, keys[model], A, "CHAIR")
        assert named.entries == (A, B)
        assert named.scores == ranked(session, keys[model], A, B).scores
    assert ranked(session, keys["bm25"], "a chair to sit on").items[0] == B


def test_a_fall_is_the_difference_between_two_rankings(session: ModelSession, keys: dict[str, str]) -> None:
    history = (A, D, "oak", B)
    for model in MODELS:
        found = reasons(session, keys[model], *history, item=C)
        assert found.score == ranked(session, keys[model], *history, target=C).score
        for place in range(len(history)):
            shorter = ranked(session, keys[model], *history[:place], *history[place + 1 :], target=C)
            assert found.without[place] == pytest.approx(shorter.score, abs=1e-6)


def test_falls_of_models_whose_scores_can_be_summed_by_hand(session: ModelSession, keys: dict[str, str]) -> None:
    found = reasons(session, keys["bm25"], A, B, C, item=A)  # the sum over the history's words, one word an item
    falls = [found.score - without for without in found.without]
    assert sum(falls) == pytest.approx(found.score)
    assert falls[1:] == [0, 0]
    assert set(reasons(session, keys["pop"], A, B, item=A).without) == {2.0}
    assert reasons(session, keys["tiny"], A, item=B).without == ()
    assert len(reasons(session, keys["pop"], A, B, C, item=A, newest=2).without) == 2


def test_nothing_is_written_or_locked(space: Workspace, session: ModelSession, keys: dict[str, str]) -> None:
    ranked(session, keys["tiny"], A)
    with space.write(busy_timeout=0.0) as db:
        before = db.execute("PRAGMA data_version").fetchone()[0]
        blocks = db.execute("SELECT count(*) FROM embedding_block").fetchone()[0]
        ranked(session, keys["tiny"], "something new to say", B, "and more")
        assert db.execute("PRAGMA data_version").fetchone()[0] == before
        assert db.execute("SELECT count(*) FROM embedding_block").fetchone()[0] == blocks
        with transaction(db):  # the lock is free, also while the other holds its model
            ranked(session, keys["tiny"], C)


def test_vectors_that_the_store_lacks_are_made_for_this_once(
    space: Workspace, keys: dict[str, str], tmp_path: Path
) -> None:
    there = ranked(ModelSession(space), keys["tiny"], A, C, target=B)
    copy = copied(space, tmp_path)
    with copy.write() as db:
        db.execute("DELETE FROM embedding_block")
    stages: list[tuple[str, int, int]] = []
    answer = ModelSession(copy).answer(RankRequest(1, keys["tiny"], (A, C), B, 5), lambda *stage: stages.append(stage))
    assert isinstance(answer, Ranking)
    np.testing.assert_allclose(answer.scores, there.scores, atol=1e-6)
    assert ("encoding items", 4, 4) in stages  # five items, two of one title
    with copy.read() as db:
        assert db.execute("SELECT count(*) FROM embedding_block").fetchone()[0] == 0


def refused(session: ModelSession, request: Request) -> str:
    with pytest.raises((BadInput, Failed)) as found:
        session.answer(request, silent)
    return str(found.value)


def test_what_cannot_be_answered_says_so(space: Workspace, keys: dict[str, str], tmp_path: Path) -> None:
    copy = copied(space, tmp_path)
    session = ModelSession(copy)
    assert "history is empty" in refused(session, RankRequest(1, keys["tiny"], (), A, 5))
    assert "empty once cleaned" in refused(session, RankRequest(1, keys["tiny"], (A, " \t"), A, 5))
    assert "has items 0 to 4" in refused(session, RankRequest(1, keys["tiny"], (7,), A, 5))
    assert "has items 0 to 4" in refused(session, WhyRequest(1, keys["tiny"], (A, B), 5, 9))
    assert "not stored any more" in refused(session, RankRequest(1, "gone", (A,), A, 5))
    assert ranked(session, keys["tiny"], A).items  # and the next question is answered
    with copy.write() as db:
        db.execute("UPDATE model SET weights_hash = 'another' WHERE name = 'tiny'")
    assert "st5 evaluate tiny --datasets shop" in refused(session, RankRequest(1, keys["tiny"], (A,), A, 5))
    shutil.rmtree(copy.models / "tiny")
    again = ModelSession(copied(space, tmp_path / "second", without="tiny"))
    assert "the weights of tiny are gone" in refused(again, RankRequest(1, keys["tiny"], (A,), A, 5))


def copied(space: Workspace, folder: Path, without: str = "") -> Workspace:
    copy = Workspace(folder / "copy")
    shutil.copytree(space.folder, copy.folder)
    if without:
        shutil.rmtree(copy.models / without)
    return copy


@pytest.mark.parametrize(
    "message",
    [
        RankRequest(1, "key", (3, "wörds\n"), 4, 50),
        WhyRequest(2, "key", (3, "x"), 4, 300, (7, 8)),
        Stage(3, "encoding items", 4, 5),
        Ranking(4, (1, "x"), 1, 5, 0, 1, 0, 0, None, (1,), (0.5,), (), (), 1.5, 1024),
        Reasons(5, 0.25, (0.5, -0.125), 1.5, 1024, ("pop", "bm25"), (0.25, 0.0), ((1.0, 2.0), (0.5, -1.0))),
        Refusal(6, "No."),
    ],
)
def test_messages_survive_their_line(message: Request | Answer) -> None:
    line = to_line(message)
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    assert line.isascii()
    assert from_line(line) == message


@pytest.fixture
def process(space: Workspace) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-P", "-m", "engine.inference", str(space.folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as found:
        yield found
        found.kill()


def test_a_process_answers_line_by_line_and_ends_with_its_input(
    process: subprocess.Popen[str], keys: dict[str, str]
) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    asked: list[Request] = [
        RankRequest(1, keys["bm25"], (A,), A, 5),
        WhyRequest(2, keys["bm25"], (A, B), C, 9),
        RankRequest(3, keys["bm25"], (B,), A, 5),
        RankRequest(4, "gone", (B,), A, 5),
        RankRequest(5, keys["bm25"], (C,), A, 5),
    ]
    process.stdin.writelines(map(to_line, asked))
    process.stdin.flush()
    answers: list[Answer | Request] = []
    while not any(isinstance(answer, Ranking) and answer.id == 5 for answer in answers):
        answers.append(from_line(process.stdout.readline()))  # nothing but messages ever comes
    told = [answer.id for answer in answers if not isinstance(answer, Stage)]
    assert 2 in told  # a reason is never passed over
    assert told == sorted(told)
    assert any(isinstance(answer, Stage) for answer in answers)
    ranking = answers[-1]
    assert isinstance(ranking, Ranking)
    assert ranking.entries == (C,)
    assert ranking.memory > 1_000_000
    process.stdin.write(to_line(RankRequest(6, "gone", (B,), A, 5)))
    process.stdin.flush()
    refusal = from_line(process.stdout.readline())
    assert isinstance(refusal, Refusal)
    assert "not stored any more" in refusal.words
    process.stdin.close()
    assert process.wait(60) == 0
