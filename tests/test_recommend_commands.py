"""`st5 recommend` and `st5 why`: for a stored user, for titles and keys, and for words that are no item."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.program import Program, refusal
from tests.small_shop import five_items


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Program:
    program = Program(five_items(tmp_path_factory.mktemp("recommend")).folder)
    assert program("train", "only", "--backbone", tiny_t5, "--name", "tiny").code == 0
    assert program("baseline", "last-item", "--features", "tiny", "--datasets", "shop").code == 0
    return program


def listed(program: Program, model: str, *arguments: str) -> list[tuple[int, str, str, float]]:
    rows = program("recommend", model, "--dataset", "shop", "--json", *arguments).document
    return [(row["rank"], row["item"], row["title"], row["score"]) for row in rows]


def test_a_stored_user_gets_what_they_have_not_got_yet(program: Program) -> None:
    # Train counts: A 2, B 1, C 0, D 1, E 0. u0 has A B C, so D and E are left.
    assert listed(program, "pop", "--user", "u0") == [(1, "k3", "Pen", 1), (2, "k4", "Lamp", 0)]


def test_kept_seen_items_are_listed_too_and_ties_follow_the_catalogue(program: Program) -> None:
    found = listed(program, "pop", "--user", "u0", "--seen", "keep")
    assert [(item, score) for _, item, _, score in found] == [("k0", 2), ("k1", 1), ("k3", 1), ("k2", 0), ("k4", 0)]
    assert [rank for rank, *_ in found] == [1, 2, 3, 4, 5]
    assert listed(program, "pop", "--user", "u0", "--seen", "keep", "-k", "2") == found[:2]


def test_titles_of_any_case_and_keys_are_their_items(program: Program) -> None:
    by_title = listed(program, "tiny", "--history", "CHAIR", "--history", "desk")
    assert by_title == listed(program, "tiny", "--history", "k1", "--history", "k2")
    assert {item for _, item, _, _ in by_title} == {"k0", "k3", "k4"}
    # Of two lamps the first is meant; the other one stays in the list.
    assert {item for _, item, _, _ in listed(program, "tiny", "--history", "Lamp")} == {"k1", "k2", "k3", "k4"}


def test_a_user_and_their_history_as_titles_get_the_same(program: Program) -> None:
    assert listed(program, "tiny", "--user", "u2") == listed(program, "tiny", "--history", "Chair", "--history", "k0")


def test_scores_are_cosines_of_the_stored_vectors(program: Program, tmp_path: Path) -> None:
    vectors = {}
    for kind in ("items", "users"):
        program("embeddings", "tiny", "--dataset", "shop", "--kind", kind, "--out", tmp_path / f"{kind}.npz")
        with np.load(tmp_path / f"{kind}.npz") as file:
            vectors[kind] = dict(zip(file["keys"].tolist(), file["vectors"].astype(np.float64), strict=True))
    for _, item, _, score in listed(program, "tiny", "--user", "u1", "--seen", "keep"):
        assert score == pytest.approx(vectors["users"]["u1"] @ vectors["items"][item], abs=1e-6)


def test_words_that_are_no_item_are_read_as_they_stand(program: Program) -> None:
    shown = program("recommend", "tiny", "--dataset", "shop", "--history", "something for the  desk", "--json")
    assert "something for the desk  (read as words: no item of shop has this title)" in shown.err
    assert {row["item"] for row in shown.document} == {"k0", "k1", "k2", "k3", "k4"}
    assert [row["score"] for row in shown.document] == sorted((row["score"] for row in shown.document), reverse=True)
    assert shown.document != program("recommend", "tiny", "--dataset", "shop", "--history", "x", "--json").document


def test_last_item_reads_only_the_newest(program: Program) -> None:
    alone = listed(program, "last-item-tiny", "--history", "a pen with ink", "--seen", "keep")
    assert (
        listed(program, "last-item-tiny", "--history", "Desk", "--history", "a pen with ink", "--seen", "keep") == alone
    )
    assert listed(program, "last-item-tiny", "--history", "Desk", "--seen", "keep")[0][2] == "Desk"


def test_formats_change_what_the_model_reads(program: Program) -> None:
    scores = {
        tuple(
            score for *_, score in listed(program, "tiny", "--user", "u1", "--history-format", name, "--seen", "keep")
        )
        for name in ("structured", "unstructured")
    }
    assert len(scores) == 2


def test_the_table_is_data_and_the_history_is_words(program: Program) -> None:
    shown = program("recommend", "pop", "--dataset", "shop", "--user", "u0")
    assert "Pen" in shown.out
    assert "pop on shop, seen items left out" in shown.out
    assert shown.err.split() == ["Lamp", "Chair", "Desk"]


def test_what_took_the_time_is_said_when_asked(program: Program) -> None:
    asked = ("recommend", "tiny", "--dataset", "shop", "--user", "u0")
    shown = program(*asked, "--verbose")
    steps = ("starting Python", "loading libraries", "reading the history", "opening the model", "encoding the history")
    assert all(step in shown.err for step in (*steps, "in all", "on a processor"))
    assert shown.out == program(*asked).out
    assert "loading libraries" not in program(*asked).err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pop", "--dataset", "shop"], "either --user KEY, or --history TEXT"),
        (["pop", "--dataset", "shop", "--user", "u0", "--history", "Pen"], "either --user KEY, or --history TEXT"),
        (["pop", "--dataset", "shop", "--user", "u00"], "Did you mean u0"),
        (["pop", "--dataset", "shpo", "--user", "u0"], "Did you mean shop"),
        (["tinny", "--dataset", "shop", "--user", "u0"], "Did you mean tiny"),
        (["pop", "--dataset", "shop", "--user", "u0", "-k", "0"], "-k 0"),
        (["pop", "--dataset", "shop", "--history", " \t"], "is empty once cleaned"),
        (["tiny", "--dataset", "shop", "--user", "u0", "--precision", "int4"], '--precision "int4"'),
        (["tiny", "--dataset", "shop", "--user", "u0", "--history-format", "strcutured"], "Did you mean structured"),
        (["tiny", "--dataset", "shop", "--user", "u0", "--device", "cuda:99"], "is not on this machine"),
    ],
)
def test_a_mistake_gets_one_message(program: Program, arguments: list[str], words: str) -> None:
    failed = program("recommend", *arguments)
    assert words in refusal(failed)
    assert failed.code == 2


def test_why_leaves_out_each_entry_in_turn(program: Program) -> None:
    whole = ("--history", "Desk", "--history", "Chair", "--history", "a pen with ink")
    scores = {item: score for _, item, _, score in listed(program, "tiny", *whole, "--seen", "keep")}
    said = program("why", "tiny", "pen", "--dataset", "shop", *whole, "--json").document
    assert (said["item"], said["title"], said["shares"]) == ("k3", "Pen", {})
    assert said["score"] == pytest.approx(scores["k3"])
    for place, left_out in enumerate(said["falls"]):
        rest = [word for number in range(3) if number != place for word in whole[2 * number : 2 * number + 2]]
        without = {item: score for _, item, _, score in listed(program, "tiny", *rest, "--seen", "keep")}
        assert left_out["fall"] == pytest.approx(scores["k3"] - without["k3"], abs=1e-6)
    assert [entry["item"] for entry in said["falls"]] == ["k2", "k1", None]
    assert (
        len(program("why", "tiny", "k3", "--dataset", "shop", *whole, "--newest", "2", "--json").document["falls"]) == 2
    )


def test_why_says_where_the_item_came_and_what_parts_add(program: Program) -> None:
    assert program(
        "baseline", "fusion", "--parts", "pop,bm25", "--set", "weights=1,2", "--name", "both", "--datasets", "shop"
    ).code == 0  # fmt: skip
    user = ("--dataset", "shop", "--user", "u0")  # has A B C; E is a lamp as A is, D is more popular
    assert program("why", "both", "k3", *user, "--json").document["rank"] == 2
    said = program("why", "both", "k4", *user, "--json").document
    assert (said["rank"], said["candidates"]) == (1, 2)
    assert list(said["shares"]) == ["pop", "bm25"]
    assert sum(said["shares"].values()) == pytest.approx(said["score"], abs=1e-5)
    in_words = program("why", "both", "k4", *user)
    assert "for these 3 entries: rank 1 of 2." in in_words.err
    assert "Of that pop " in in_words.err
    assert "entry left out" in in_words.out
    assert program("why", "pop", "k0", *user, "--json").document["rank"] is None  # the history has it
    assert "it is in the history" in program("why", "pop", "k0", *user).err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("Pencil", "--user", "u0"), 'No item "Pencil". Did you mean Pen'),
        (("Pen",), "Say whose history"),
        (("Pen", "--user", "u0", "--newest", "0"), "--newest 0: allowed are 1 and above"),
        (("Pen", "--user", "nobody"), 'No user of shop "nobody"'),
    ],
)
def test_what_cannot_be_explained_is_said(program: Program, arguments: tuple[str, ...], words: str) -> None:
    done = program("why", "pop", *arguments, "--dataset", "shop")
    assert words in refusal(done)
    assert done.code == 2
