"""`st5 results`: tables, filters, forms, paired comparison; and titles that try to be more than text."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from store.enums import Ties
from store.workspace import Workspace
from tests.conftest import Run
from tests.program import Outcome, Program, refusal
from tests.small_shop import CATEGORIES, HISTORIES, TITLES, add, five_items, many


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Five items with pop and pop-recent, and a second dataset with pop only."""
    workspace = five_items(tmp_path_factory.mktemp("results"))
    many(workspace.folder, users=12, items=20, name="more")
    program = Program(workspace.folder)
    assert program("evaluate", "pop", "--datasets", "shop,more").code == 0
    assert program("evaluate", "pop-recent", "--datasets", "shop").code == 0
    return program


def test_filters_narrow_what_is_shown(program: Program) -> None:
    rows = program("results", "--json", "--metric", "HR@10,mrr", "--seen", "keep", "--dataset", "shop").document
    assert {(row["metric"], row["seen"], row["dataset"]) for row in rows} == {
        ("hr@10", "keep", "shop"),
        ("mrr", "keep", "shop"),
    }
    assert {row["model"] for row in rows} == {"pop", "pop-recent"}
    every = program("results", "--json").document
    assert {row["slice"] for row in every} == {
        "all", "domain", "category", "history-length", "target", "user", "duplicate-text",
    }  # fmt: skip
    assert len({row["metric"] for row in every}) == 11


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--metric", "ndgc@10"], 'No metric "ndgc@10". Did you mean ndcg@10'),
        (["--metric", "hr@7"], 'No metric "hr@7"'),
        (["--model", "popp"], 'No model "popp". Did you mean pop'),
        (["--dataset", "shpo"], 'No dataset "shpo". Did you mean shop'),
        (["--compare", "pop", "poop"], 'No model "poop". Did you mean pop'),
        (["--compare", "pop", "pop-recent", "--dataset", "shpo"], "Did you mean shop"),
        (["--compare", "pop", "pop-recent", "--metric", "x"], 'No metric "x"'),
        (["--compare", "pop", "pop-recent", "--dataset", "more"], "st5 evaluate pop pop-recent --datasets more"),
        (["--json", "--csv"], "--json and --csv exclude each other"),
        (["--where", "target"], "Write SLICE=VALUE such as target=cold"),
        (["--where", "tagret=cold"], 'No slice "tagret". Did you mean target'),
        (["--where", "target=clod", "--dataset", "shop"], "Did you mean cold"),
        (["--against", "popp"], 'No model "popp". Did you mean pop'),
        (["--against", "pop", "--dataset", "more"], "No other model was evaluated on the same events as pop on more"),
        (["--against", "pop", "--compare", "pop", "pop-recent"], "--compare and --against exclude each other"),
        (["--seeds", "--against", "pop"], "--against and --seeds exclude each other"),
        (["--test", "permutation"], "--test permutation says nothing without --compare"),
        (["--seeds", "--model", "pop"], "--model pop says nothing with --seeds"),
    ],
)
def test_unknown_names_get_the_nearest_ones(program: Program, arguments: list[str], words: str) -> None:
    failed = program("results", *arguments)
    assert words in refusal(failed)
    assert failed.code == 2


def test_a_slice_that_is_none_is_a_usage_error(program: Program) -> None:
    failed = program("results", "--by", "colour")
    assert failed.code == 2
    assert "history-length" in failed.err
    assert failed.out == ""


def test_csv_and_markdown_say_the_same_as_json(program: Program) -> None:
    arguments = ["results", "--by", "target", "--metric", "hr@1", "--dataset", "shop"]
    rows = program(*arguments, "--json").document
    table = list(csv.DictReader(io.StringIO(program(*arguments, "--csv").out, newline="")))
    assert [row["value"] for row in table] == [row["value"] for row in rows]
    assert [float(row["mean"]) for row in table] == [row["mean"] for row in rows]
    assert list(table[0]) == list(rows[0])
    shown = program(*arguments, "--seen", "mask", "--md").out
    masked = [row for row in rows if row["seen"] == "mask"]
    assert shown.startswith("### HR@1 by target on shop, seen items masked")
    lines = {line.split(" | ")[0][2:]: line for line in shown.splitlines() if line.startswith("| pop")}
    for row in masked:
        assert f"{row['mean']:.4f} · {row['low']:.4f}–{row['high']:.4f}" in lines[row["model"]]
    assert "Protocol: test events; full catalogue; ties expected over random order" in shown
    assert "Candidates: shop 5." in shown
    assert "Dataset fingerprints: shop content of L" in shown


def test_the_default_is_one_table_of_models_and_datasets(program: Program) -> None:
    shown = program("results")
    assert shown.out.splitlines()[0].strip() == "NDCG@10, seen items masked, mean over events"
    assert all(words in shown.out for words in ("shop", "more", "pop", "pop-recent", "n 4", "n 12"))
    rules = "test events; full catalogue; ties expected over random order; events of one time: file"
    assert f"Protocol: {rules}." in shown.err
    assert "--seen keep" in shown.err


def test_before_anything_is_evaluated_it_says_what_to_do(tmp_path: Path) -> None:
    program = Program(five_items(tmp_path).folder)
    shown = program("results")
    assert (shown.code, shown.out) == (0, "")
    assert "st5 evaluate" in shown.err
    assert program("results", "--json").document == []
    assert program("results", "--csv").out == ""


# hr@1, seen masked, per event (u0 C, u1 B, u1 E, u2 A): pop 0, 1, 1/2, 1; pop-recent 0, 1/3, 1/2, 0.
def test_compare_is_the_paired_difference(program: Program) -> None:
    arguments = ["results", "--compare", "pop", "pop-recent", "--metric", "hr@1", "--seen", "mask"]
    (row,) = program(*arguments, "--json").document
    assert (row["a"], row["b"], row["dataset"], row["n"], row["users"]) == ("pop", "pop-recent", "shop", 4, 3)
    assert row["difference"] == pytest.approx((0 + 2 / 3 + 0 + 1) / 4)
    assert row["user_difference"] == pytest.approx((0 + 1 / 3 + 1) / 3)
    assert row["low"] <= row["difference"] <= row["high"]
    assert 0 < row["p"] <= row["p_holm"] <= 1
    (opposite,) = program("results", "--compare", "pop-recent", "pop", *arguments[4:], "--json").document
    assert opposite["difference"] == pytest.approx(-row["difference"])
    assert (opposite["low"], opposite["high"]) == pytest.approx((-row["high"], -row["low"]))
    assert opposite["p"] == pytest.approx(row["p"])


def test_a_model_compared_with_itself_does_not_differ(program: Program) -> None:
    rows = program("results", "--compare", "pop", "pop", "--json").document
    assert {row["dataset"] for row in rows} == {"shop", "more"}
    assert all((row["difference"], row["low"], row["high"], row["p"]) == (0, 0, 0, 1) for row in rows)


def test_compare_divides_by_slices_and_corrects_over_all_that_is_shown(program: Program) -> None:
    arguments = ["results", "--compare", "pop", "pop-recent", "--by", "history-length", "--metric", "hr@1"]
    rows = program(*arguments, "--json").document
    assert [(row["value"], row["seen"], row["n"]) for row in rows] == [
        ("1", "keep", 1), ("1", "mask", 1), ("2", "keep", 2), ("2", "mask", 2), ("3", "keep", 1), ("3", "mask", 1),
    ]  # fmt: skip
    smallest = min(rows, key=lambda row: row["p"])
    assert smallest["p_holm"] == pytest.approx(min(1, 6 * smallest["p"]))
    table = list(csv.DictReader(io.StringIO(program(*arguments, "--csv").out)))
    assert [float(row["difference"]) for row in table] == [row["difference"] for row in rows]
    markdown = program(*arguments, "--md").out.splitlines()
    assert markdown.index("") == 2 + len(rows)
    assert "pop − pop-recent" in markdown[0]
    assert "Holm over the 6 differences" in program(*arguments).err


def test_a_condition_narrows_any_slice_to_numbers_that_are_stored_elsewhere(program: Program) -> None:
    where = ["results", "--where", "target=cold", "--dataset", "shop"]
    rows = program(*where, "--metric", "hr@10,mrr", "--json").document
    stored = program("results", "--by", "target", "--dataset", "shop", "--metric", "hr@10,mrr", "--json").document
    cold = [row | {"slice": "all & target=cold", "value": "all"} for row in stored if row["value"] == "cold"]
    assert rows == cold
    assert {row["metric"] for row in program(*where, "--json").document} == {"ndcg@10"}
    divided = program(*where, "--by", "history-length", "--where", "category=Art", "--seen", "keep", "--json").document
    assert {row["slice"] for row in divided} == {"history-length & target=cold & category=Art"}
    assert [(row["model"], row["value"], row["n"]) for row in divided] == [
        ("pop", "2", 1), ("pop", "3", 1), ("pop-recent", "2", 1), ("pop-recent", "3", 1),
    ]  # fmt: skip
    table = program(*where)
    assert "NDCG@10 on shop, target=cold" in table.out or "NDCG@10, target=cold" in table.out
    assert "Dataset fingerprints: shop" in table.err


def test_a_condition_that_some_datasets_lack_leaves_them_out(program: Program) -> None:
    rows = program("results", "--where", "category=Art", "--json").document
    assert {row["dataset"] for row in rows} == {"shop"}  # everything of the other is in Things
    assert program("results", "--where", "category=Art", "--where", "user=cold", "--json").document == []


def test_a_slice_that_was_never_stored_is_worked_out(program: Program, tmp_path: Path) -> None:
    own = Program(Path(shutil.copytree(program.workspace, tmp_path / "w")))
    arguments = ["results", "--by", "target", "--json"]
    before = own(*arguments).document
    with sqlite3.connect(own.workspace / "st5.db") as db:  # as an earlier version would have left it
        db.execute("DELETE FROM metric WHERE slice = 'target' AND evaluation_id = 1")
    assert own(*arguments).document == before
    assert "cold" in own("results", "--by", "target").out


def test_users_may_weigh_the_same(program: Program) -> None:
    arguments = ["results", "--metric", "hr@1", "--seen", "mask", "--dataset", "shop"]
    by_event, by_user = (program(*arguments, "--mean", mean).out for mean in ("event", "user"))
    # pop, per event: u0 0; u1 1 and 1/2; u2 1. So 2.5 / 4, and (0 + 3/4 + 1) / 3.
    assert "0.6250" in by_event
    assert "0.5833" in by_user
    row = program(*arguments, "--model", "pop", "--by", "all", "--json").document[0]
    assert (row["mean"], row["user_mean"]) == pytest.approx((2.5 / 4, 1.75 / 3))
    compared = ["results", "--compare", "pop", "pop-recent", "--metric", "hr@1", "--seen", "mask", "--mean", "user"]
    assert f"{(0 + 1 / 3 + 1) / 3:+.4f}" in program(*compared).out
    (document,) = program(*compared, "--json").document
    assert (document["mean"], document["p_holm"]) == ("user", document["user_p"])


def test_few_events_are_shown_with_their_n_and_without_marks(program: Program) -> None:
    shown = program("results", "--dataset", "shop", "--metric", "mrr")
    assert "n 4" in shown.out
    assert not set("¹²≈") & set(shown.out)
    assert "Numbers over fewer than 30 events have no marks." in shown.err
    compared = program("results", "--compare", "pop", "pop-recent", "--metric", "mrr", "--seen", "mask").out
    assert "n < 30" in compared
    assert "≈" not in compared


def test_every_other_model_against_one(program: Program) -> None:
    arguments = ["results", "--against", "pop", "--metric", "hr@1,mrr"]
    rows = program(*arguments, "--json").document
    assert {(row["a"], row["b"], row["dataset"]) for row in rows} == {("pop-recent", "pop", "shop")}
    assert len(rows) == 4
    pairs = program("results", "--compare", "pop-recent", "pop", "--metric", "hr@1,mrr", "--dataset", "shop", "--json")
    assert pairs.document == rows
    shown = program(*arguments, "--md").out
    assert shown.startswith("| dataset | value | model | metric | seen | n | users | model − pop |")
    assert "Holm over the 4 differences shown" in shown
    assert "Fingerprints of datasets: shop" in shown


def test_a_permutation_of_three_users_is_exact(program: Program) -> None:
    arguments = ["results", "--compare", "pop", "pop-recent", "--metric", "hr@1", "--seen", "mask"]
    (row,) = program(*arguments, "--test", "permutation", "--json").document
    assert (row["test"], row["p"]) == ("permutation", 4 / 8)  # u0 does not differ, u1 by 2/3, u2 by 1
    assert "p by permutation over users" in program(*arguments, "--test", "permutation").err


def test_seeds_are_averaged(program: Program, tmp_path: Path) -> None:
    own = Program(Path(shutil.copytree(program.workspace, tmp_path / "w")))
    with sqlite3.connect(own.workspace / "st5.db") as db:  # the two as if they were one model with two seeds
        db.execute("UPDATE model SET variant = 'pop', seed = id")
    arguments = ["results", "--seeds", "--metric", "hr@1", "--seen", "mask", "--dataset", "shop"]
    (row,) = own(*arguments, "--json").document
    assert (row["family"], row["models"], row["seeds"]) == ("pop", ["pop", "pop-recent"], 2)
    # hr@1 per event: pop 0, 1, 1/2, 1; pop-recent 0, 1/3, 1/2, 0: means 2.5/4 and (5/6)/4.
    one, other = 2.5 / 4, 5 / 6 / 4
    assert row["mean"] == pytest.approx((one + other) / 2)
    assert row["sd"] == pytest.approx(abs(one - other) / 2**0.5)
    assert row["low"] <= row["mean"] <= row["high"]
    assert f"{row['sd']:.4f}" in own(*arguments).out
    assert own(*arguments, "--csv").out.splitlines()[1].startswith("pop,pop pop-recent,2,shop")
    alone = {row["family"]: row for row in program("results", "--seeds", "--json").document}
    assert alone["pop-recent"]["sd"] is None


def test_a_closed_pipe_is_quiet(program: Program) -> None:
    command = f"{shlex.quote(sys.executable)} -c 'from engine.commands import main; main()' results --csv | head -1"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False,
        env=dict(os.environ, ST5_WORKSPACE=str(program.workspace)),
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout.startswith("model,dataset,")
    assert done.stderr == ""


def test_a_terminal_of_another_encoding_gets_question_marks_and_json_stays_whole(tmp_path: Path) -> None:
    five_items(tmp_path, domain="Übergröße 漢字")
    command = [sys.executable, "-c", "from engine.commands import main; main()", "datasets", "shop"]
    environment = dict(os.environ, ST5_WORKSPACE=str(tmp_path), PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    table, document = (
        subprocess.run([*command, *form], capture_output=True, text=True, check=True, env=environment).stdout
        for form in ([], ["--json"])
    )
    assert "?bergr" in table
    assert json.loads(document)[0]["domain"] == "Übergröße 漢字"


HOSTILE = (
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J clear",  # colours, window title, C1 control sequence
    "[bold]markup[/bold] [link=x]y[/] [/nothing]",
    "\u202eright to left\u202c שלום مرحبا",
    "漢字テスト 👩‍👩‍👧 e\u0301 \t\r\n two lines \u2028 three \x7f \x00",
    "long " * 20_000,
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Such titles, categories, domain and keys straight in the store, untouched by a source's cleaning."""
    workspace = Workspace(tmp_path_factory.mktemp("hostile"))
    histories = [(f"{key}\x1b[2J[red]", chosen, marks) for key, chosen, marks in HISTORIES]
    add(workspace, "shop", HOSTILE, [title[:60] for title in HOSTILE], histories, domain=HOSTILE[0])
    program = Program(workspace.folder)
    assert program("evaluate", "pop", "--datasets", "shop").code == 0
    return program


def shown(outcome: Outcome) -> str:
    """What reached the terminal: nothing in it may be obeyed there."""
    assert outcome.code == 0, outcome.err
    for text in (outcome.out, outcome.err):
        obeyed = {c for c in text if unicodedata.category(c) in ("Cc", "Zl", "Zp") and c not in "\n\r"}
        turning = {c for c in text if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI")}
        assert not obeyed | turning
    return outcome.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["results", "--by", "category"],
        ["results", "--by", "domain"],
        ["results", "--by", "category", "--csv"],
        ["results", "--by", "category", "--md"],
        ["results", "--compare", "pop", "pop", "--by", "category"],
        ["recommend", "pop", "--dataset", "shop", "--history", "\x1b[31m words \u202e"],
        ["recommend", "pop", "--dataset", "shop", "--history", "k1", "--history", "k4"],
        ["recommend", "pop", "--dataset", "shop", "--user", "u2\x1b[2J[red]", "--seen", "keep"],
        ["datasets"],
        ["datasets", "shop"],
    ],
)
def test_text_from_data_is_shown_and_never_obeyed(hostile: Program, arguments: list[str]) -> None:
    assert shown(hostile(*arguments))


def test_markup_is_shown_as_it_is(hostile: Program) -> None:
    listed = shown(hostile("recommend", "pop", "--dataset", "shop", "--history", "x", "--seen", "keep"))
    for text in ("[bold]markup[/bold] [link=x]y[/] [/nothing]", "�[31mred�[0m", "שלום مرحبا", "漢字テスト 👩‍👩‍👧"):
        assert text in listed
    (long,) = [line for line in listed.splitlines() if "long" in line]
    assert "…" in long  # the title ends where its column does
    assert len(long) <= hostile.columns


def test_json_gives_every_character_back(hostile: Program) -> None:
    printed = hostile("recommend", "pop", "--dataset", "shop", "--history", "x", "--seen", "keep", "--json")
    shown(printed)
    assert {row["title"] for row in printed.document} == set(HOSTILE)
    categories = hostile("results", "--by", "category", "--json")
    shown(categories)
    # u0's target was the third title, u1's the second and the fifth, u2's the first.
    assert {row["value"] for row in categories.document} == {HOSTILE[n][:60] for n in (0, 1, 2, 4)}


def test_messages_show_what_was_typed_and_do_not_obey_it(hostile: Program) -> None:
    failed = hostile("recommend", "pop", "--dataset", "shop", "--user", "u9\x1b[2J")
    assert "u9�[2J" in refusal(failed)
    assert "\x1b" not in failed.err


def test_a_byte_that_is_no_text_is_no_crash(st5: Run, hostile: Program) -> None:
    failed = st5("datasets", os.fsdecode(b"\xff"), workspace=hostile.workspace)
    assert failed.returncode == 2
    assert "Traceback" not in failed.stderr


def test_a_text_model_reads_such_titles(hostile: Program, tmp_path: Path, tiny_t5: Path) -> None:
    own = Program(Path(shutil.copytree(hostile.workspace, tmp_path / "w")))
    assert own("train", "only", "--backbone", tiny_t5, "--name", "tiny", "--datasets", "shop").code == 0
    listed = own("recommend", "tiny", "--dataset", "shop", "--history", HOSTILE[1], "--seen", "keep", "--json")
    assert shown(listed)
    assert {row["title"] for row in listed.document} == set(HOSTILE)
    assert shown(own("datasets", "shop"))


def test_models_on_datasets_of_two_policies_are_not_compared(tmp_path: Path) -> None:
    workspace = five_items(tmp_path / "policies", name="by-file")
    add(workspace, "by-hash", TITLES, CATEGORIES, HISTORIES, ties=Ties.SHUFFLE)
    program = Program(workspace.folder)
    assert program("evaluate", "pop", "--datasets", "by-file").code == 0
    assert program("evaluate", "pop-recent", "--datasets", "by-hash").code == 0
    (kept,) = {row["protocol"] for row in program("results", "--dataset", "by-file", "--json").document}
    (hashed,) = {row["protocol"] for row in program("results", "--dataset", "by-hash", "--json").document}
    assert kept.endswith("; events of one time: file")
    assert hashed.endswith("; events of one time: shuffle seed 0")
    refused = program("results", "--compare", "pop", "pop-recent")
    assert refused.code == 2
    assert "by-file by file and by-hash by shuffle seed 0: the events differ" in refused.err
    command = refused.err.partition("Run `st5 ")[2].partition("`")[0]
    assert command == "evaluate pop pop-recent --datasets by-file"
    assert program(*shlex.split(command)).code == 0
    assert program("results", "--compare", "pop", "pop-recent").code == 0


def test_numbers_of_a_dataset_whose_order_fails_say_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "suspect")
    rising = {"rising": 90, "n": 100, "low": 0.82, "high": 0.95}
    order = {"timed": False, "tied": 0, "neighbours": 100, "rising_other": rising, "position_gaps": 0}
    add(workspace, "shop", TITLES, CATEGORIES, HISTORIES, audit={"order": order})
    program = Program(workspace.folder)
    assert program("evaluate", "pop", "--datasets", "shop").code == 0
    shown = program("results")
    said = " ".join((shown.out + shown.err).split())
    assert "shop: order: 90% of neighbours rise: numbers of models that learn order from keys are suspect" in said
