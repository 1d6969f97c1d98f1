"""`st5 tune`: which trials are made, which is the best, what is found again, and what is refused."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterator
from math import log2
from pathlib import Path
from typing import Any

import pytest

from engine.jobs import control
from engine.progress import Observer
from engine.tuning.plan import Plan, plan, store
from engine.tuning.request import SearchRequest, parse_tries, request_of
from engine.tuning.run import run
from store import jobs, searches
from store.enums import JobState, Seen, Split, TrialState
from store.errors import BadInput, Cancelled, Failed
from store.rows import Search, Trial
from store.workspace import Workspace
from tests.interruptible import start
from tests.program import Program, refusal
from tests.small_shop import TRAIN, A, B, C, add
from tests.training_shop import CAMERAS, make_shop
from tests.waiting import WORK_S, wait_for

VALID, TEST = Split.VALID, Split.TEST
# Two chose B after A, three chose A after C. After A, B is asked for in valid and C in test.
HISTORIES = (
    ("u0", (A, B), ((1, TRAIN),)),
    ("u1", (A, B), ((1, TRAIN),)),
    ("u2", (C, A), ((1, TRAIN),)),
    ("u3", (C, A), ((1, TRAIN),)),
    ("u4", (C, A), ((1, TRAIN),)),
    ("v", (A, B), ((1, VALID),)),
    ("w", (A, C), ((1, TEST),)),
)
COUNTS = ("--try", "item-power=0", "--try", "candidate-power=0")  # counts as they are
ORDERS = ("tune", "item-knn", "--datasets", "shop", *COUNTS, "--try", "order=symmetric,ordered")
QUICK = ("--try", "hidden=8", "--try", "inner=8", "--try", "batch=64", "--try", "epochs=2")
SASREC = ("tune", "sasrec", "--datasets", CAMERAS, *QUICK, "--try", "learning-rate=0.01,0.001")


@pytest.fixture(scope="module", autouse=True)
def own_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("leases")))
        yield


@pytest.fixture
def program(tmp_path: Path) -> Program:
    space = Workspace(tmp_path / "w")
    add(space, "shop", ["Lamp", "Chair", "Desk"], ["Home"] * 3, HISTORIES)
    return Program(space.folder)


def stored(program: Program, number: int = 1) -> list[Trial]:
    with Workspace(program.workspace).read() as db:
        return searches.trials(db, searches.search(db, number))


def trial_jobs(program: Program) -> list[tuple[JobState, list[str]]]:
    """The jobs, oldest first: how each ended, and what it told of trials."""
    with Workspace(program.workspace).read() as db:
        return [
            (job.state, [event.message for event in jobs.events(db, job.id) if event.kind == "trial"])
            for job in reversed(jobs.jobs(db))
        ]


def settings(document: dict[str, Any], key: str) -> list[str]:
    return [trial["settings"][key] for trial in document["trials"]]


def test_trials_are_ranked_by_what_they_reach_on_the_valid_events(program: Program) -> None:
    # After A: B 2 forwards, C 3 backwards. Backwards the same: C before B. Backwards half: 1.5, so B is first.
    (found,) = program(*ORDERS, "--json").document
    assert settings(found, "order") == ["ordered", "symmetric"]
    assert [trial["mean"] for trial in found["trials"]] == pytest.approx([1, 1 / log2(3)])
    assert [(trial["trial"], trial["n"], trial["best"]) for trial in found["trials"]] == [(2, 1, True), (1, 1, False)]
    assert (found["split"], found["metric"], found["seen"], found["best"]) == ("valid", "ndcg@10", "mask", 2)
    assert all(trial["low"] <= trial["mean"] <= trial["high"] for trial in found["trials"])


def test_the_table_names_the_best_and_the_command_that_makes_it(program: Program) -> None:
    done = program(*ORDERS)
    assert done.code == 0
    first, second = [line.split() for line in done.out.splitlines() if line.split()[-1:] == ["done"]]
    assert first == ["2", "ordered", "1.0000", "0.0000–1.0000", "1", first[5], "done"]  # one user says little
    assert second[:3] == ["1", "symmetric", "0.6309"]
    assert "item-power=0 candidate-power=0" in done.out
    assert "Trial 2 is the best" in done.err
    assert "Ask the test events once, afterwards" in " ".join(done.err.split())
    (line,) = [line.strip() for line in done.err.splitlines() if line.strip().startswith("st5 baseline")]
    assert line == (
        "st5 baseline item-knn --datasets shop --set item-power=0 --set candidate-power=0 --set order=ordered "
        "--name item-knn-tuned"
    )
    assert program(*shlex.split(line)[1:]).code == 0
    rows = program("results", "--json", "--metric", "ndcg@10", "--seen", "mask").document
    (row,) = [row for row in rows if row["slice"] == "all"]
    assert (row["model"], row["split"], row["mean"]) == ("item-knn-tuned", "test", pytest.approx(1 / log2(3)))
    (again,) = program(*ORDERS, "--json").document
    assert again["command"][-2:] == ["--name", f"item-knn-tuned-{again['trials'][0]['model'][-8:]}"]


def test_of_equal_trials_the_earlier_is_the_best(program: Program) -> None:
    (found,) = program("tune", "item-knn", "-d", "shop", *COUNTS, "--try", "neighbours=200,100", "--json").document
    assert [trial["mean"] for trial in found["trials"]] == pytest.approx([1, 1])
    assert settings(found, "neighbours") == ["200", "100"]
    assert found["best"] == 1


def test_another_metric_and_seen_rule_choose_among_the_same_trials(program: Program) -> None:
    first = program(*ORDERS, "--json").document
    (found,) = program(*ORDERS, "--metric", "HR@1", "--seen", "keep", "--json").document
    assert (found["metric"], found["seen"]) == ("hr@1", "keep")
    assert [trial["mean"] for trial in found["trials"]] == [1, 0]
    assert len(trial_jobs(program)) == 1  # nothing was left to do
    (other,) = program("tune", "1", "--metric", "ndcg@10", "--seen", "mask", "--json").document
    assert other["trials"] == first[0]["trials"]


def test_trials_are_in_no_list_but_that_of_searches(program: Program) -> None:
    program(*ORDERS)
    name = stored(program)[0].model
    assert program("models", "--json").document == []
    assert "2 models of the trials of searches" in program("models").err
    assert program("results", "--json").document == []
    assert "Nothing is stored for this choice" in program("results").err
    (row,) = program("tune", "list", "--json").document
    assert (row["search"], row["model"], row["dataset"]) == (1, "item-knn", "shop")
    listed = program("tune", "list").out
    assert "2 trials" in listed
    assert "order=ordered" in listed
    # Named, they are there as any other model.
    assert program("models", name, "--json").document[0]["name"] == name
    assert {row["model"] for row in program("results", "--model", name, "--json").document} == {name}
    assert {row["model"] for row in program("evaluate", name, "-d", "shop", "--json").document} == {name}


def test_each_dataset_is_searched_by_itself(program: Program) -> None:
    turned = tuple((user, tuple({A: A, B: C, C: B}[item] for item in items), marks) for user, items, marks in HISTORIES)
    add(Workspace(program.workspace), "turned", ["Lamp", "Chair", "Table"], ["Home"] * 3, turned)
    found = program(*ORDERS[:3], "shop,turned", *ORDERS[4:], "--json").document
    assert [one["dataset"] for one in found] == ["shop", "turned"]
    assert [one["best"] for one in found] == [2, 2]
    assert found[0]["trials"][0]["model"] == found[1]["trials"][0]["model"]
    ((state, lines),) = trial_jobs(program)
    assert (state, len(lines)) == (JobState.SUCCEEDED, 4)
    assert lines[2].startswith("item-knn on turned, trial 1 of 2: item-power=0 candidate-power=0 order=symmetric: ndcg")


def test_a_grid_is_tried_in_order_and_a_sample_of_it_without_repetition() -> None:
    request = SearchRequest("m", "d", parse_tries(["a=1,2", "b=x, y,z"]))
    grid = request.combinations()
    assert [tuple(each.values()) for each in grid] == [
        ("1", "x"), ("1", "y"), ("1", "z"), ("2", "x"), ("2", "y"), ("2", "z"),
    ]  # fmt: skip
    drawn = [SearchRequest("m", "d", request.tries, trials=4, seed=seed).combinations() for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(len({tuple(one.items()) for one in each}) == 4 and all(one in grid for one in each) for each in drawn)
    assert SearchRequest("m", "d", request.tries, trials=6, seed=3).combinations() == grid
    large = parse_tries([f"k{key}={','.join(map(str, range(30)))}" for key in range(8)])
    assert len(SearchRequest("m", "d", large, trials=1_000).combinations()) == 1_000
    with pytest.raises(BadInput, match=r"656,100,000,000 of .* are too many: allowed are 1,000.*--trials 50"):
        SearchRequest("m", "d", large).combinations()


def test_a_request_is_read_again_from_what_is_stored() -> None:
    request = SearchRequest("star", "d", parse_tries(["a=1,2"]), trials=1, seed=3, sample=9, features="big")
    assert request_of(request.document() | {"later": 1}) == request
    assert shlex.join(request.command("hr@1", "keep")) == (
        "tune star --datasets d --try a=1,2 --trials 1 --sample 9 --seed 3 --features big --metric hr@1 --seen keep"
    )


def test_a_sample_of_the_grid_is_the_same_search_when_asked_again(program: Program) -> None:
    words = ("tune", "item-knn", "-d", "shop", "--try", "decay=0.1,0.2,0.3", "--try", "window=1,2,3", "--trials", "4")
    first, again = program(*words, "--seed", "5", "--json").document, program(*words, "--seed", "5", "--json").document
    assert first == again
    assert len(first[0]["trials"]) == 4
    assert first[0]["trials"][0]["seed"] is None  # nothing of item-knn is random
    whole = program(*words[:-1], "20")
    assert "there are 9 combinations, so all of them are tried" in whole.err
    assert len(stored(program, 2)) == 9


@pytest.fixture(scope="module")
def cameras(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A shop with a search of two trained trials."""
    made = Program(make_shop(tmp_path_factory.mktemp("shop") / "w").folder)
    done = made(*SASREC, "--seed", "1")
    assert done.code == 0, done.err
    return made


def test_what_is_trained_is_found_again_and_the_best_is_made_with_its_seed(cameras: Program, tmp_path: Path) -> None:
    (found,) = cameras(*SASREC, "--seed", "1", "--json").document
    assert len(trial_jobs(cameras)) == 1
    assert {trial["seed"] for trial in found["trials"]} == {1}
    assert all(trial["seconds"] > 0 and trial["n"] > 0 for trial in found["trials"])
    rate = found["trials"][0]["settings"]["learning-rate"]
    assert shlex.join(found["command"]) == (
        f"baseline sasrec --datasets {CAMERAS} --set hidden=8 --set inner=8 --set batch=64 --set epochs=2 "
        f"--set learning-rate={rate} --seed 1 --name sasrec-tuned"
    )
    # Training is the same again: so are its numbers on the valid events.
    own = Program(Path(shutil.copytree(cameras.workspace, tmp_path / "w")))
    assert own(*found["command"]).code == 0
    rows = own("evaluate", "sasrec-tuned", "-d", CAMERAS, "--split", "valid", "--json").document
    means = [row["mean"] for row in rows if (row["slice"], row["metric"], row["seen"]) == ("all", "ndcg@10", "mask")]
    assert means == [found["trials"][0]["mean"]]
    # The two seeds of a training are two models; the names tell them apart.
    (other,) = own(*SASREC, "--json").document  # not in the shop that other tests share
    assert not {trial["model"] for trial in other["trials"]} & {trial["model"] for trial in found["trials"]}


def test_a_trial_that_fails_is_stored_with_its_words_and_the_others_are_made(cameras: Program, tmp_path: Path) -> None:
    own = Program(Path(shutil.copytree(cameras.workspace, tmp_path / "w")))
    words = (*SASREC[:-1], "learning-rate=0.02,0.002", "--seed", "1")
    planned = own(*words, "--json").document[0]
    first = next(trial["model"] for trial in planned["trials"] if trial["trial"] == 1)
    broken = Program(Path(shutil.copytree(cameras.workspace, tmp_path / "broken")))
    in_the_way = broken.workspace / "models" / first
    in_the_way.write_text("a file where the weights go")
    done = broken(*words)
    assert done.code == 0, done.err
    assert "1 of 2 done, 1 failed" in done.err
    assert "Trial 1 failed: " in done.err
    assert "--seed 1" in next(line for line in done.err.splitlines() if "What is left is made by: st5 tune" in line)
    (_, failed) = sorted(stored(broken, 2), key=lambda trial: trial.state)
    assert (failed.number, failed.state, failed.result) == (1, TrialState.FAILED, None)
    assert "the weights cannot be written" in failed.message
    in_the_way.unlink()
    (healed,) = broken(*words, "--json").document  # the same command tries it again
    assert [trial["mean"] for trial in healed["trials"]] == [trial["mean"] for trial in planned["trials"]]
    assert (healed["failed"], healed["waiting"]) == (0, 0)


def test_where_every_trial_fails_the_command_does(cameras: Program, tmp_path: Path) -> None:
    own = Program(Path(shutil.copytree(cameras.workspace, tmp_path / "w")))
    shutil.rmtree(own.workspace / "models")
    (own.workspace / "models").write_text("no folder")
    done = own(*SASREC[:-1], "learning-rate=0.03,0.003")
    assert done.code == 1
    assert "st5: All 2 trials failed. The last: " in done.err
    assert done.out.count("failed") == 2
    assert trial_jobs(own)[-1][0] is JobState.FAILED


def test_killed_the_same_command_goes_on_with_what_is_done(program: Program, tmp_path: Path) -> None:
    words = ["tune", "item-knn", "-d", "shop", "--try", f"window={','.join(map(str, range(1, 121)))}"]
    space, said = Workspace(program.workspace), tmp_path / "words"
    process = start(space.folder, said, *words)

    def done() -> int:
        with space.read() as db:
            found = searches.searches(db)
            return len([t for t in searches.trials(db, found[0]) if t.state is TrialState.DONE]) if found else 0

    wait_for(lambda: done() >= 3 or not process.is_alive(), "three trials", said.read_text, WORK_S)
    process.kill()
    process.join()
    before = done()
    assert 3 <= before < 120, said.read_text()
    control.reap(space)
    again = program(*words)
    assert again.code == 0, again.err
    assert all(trial.state is TrialState.DONE and trial.result for trial in stored(program))
    (killed, _), (state, lines) = trial_jobs(program)
    assert (killed, state, len(lines)) == (JobState.LOST, JobState.SUCCEEDED, 120 - before)


def planned(program: Program, *tries: str) -> tuple[Workspace, Plan, Search]:
    space = Workspace(program.workspace)
    found = plan(space, SearchRequest("item-knn", "shop", parse_tries(tries)))
    return space, found, store(space, found, "ndcg@10", Seen.MASK)


def test_a_search_that_is_cancelled_keeps_what_is_done(program: Program) -> None:
    space, found, search = planned(program, "window=1,2,3,4")
    trial_jobs: list[str] = []
    observer = Observer(tell=lambda kind, message: trial_jobs.append(message), stop=lambda: len(trial_jobs) == 2)
    with pytest.raises(Cancelled, match=r"before trial 3 of 4\. What is done is kept"):
        run(space, [(search, found.what)], observer)
    assert [trial.state for trial in stored(program)] == ["done", "done", "waiting", "waiting"]
    (shown,) = program("tune", "1", "--json").document
    assert (shown["waiting"], shown["failed"], len(shown["trials"])) == (2, 0, 4)


def test_a_search_whose_dataset_is_removed_meanwhile_says_so(program: Program) -> None:
    space, found, search = planned(program, "window=1,2,3,4")

    def remove(kind: str, message: str) -> None:
        with space.write() as db:
            db.execute("DELETE FROM dataset")

    with pytest.raises(Failed, match="shop was replaced or removed while item-knn was searched on it"):
        run(space, [(search, found.what)], Observer(tell=remove))


def test_a_text_model_is_searched_like_a_baseline(tmp_path: Path, tiny_t5: Path) -> None:
    own = Program(make_shop(tmp_path / "w").folder)
    words = ["tune", "nopre", "-d", CAMERAS, "--backbone", tiny_t5, "--try", "pairs=64", "--try", "batch=16,32"]
    done = own(*words, "--try", "validation-events=20", "--json")
    (found,) = done.document
    assert {trial["state"] for trial in found["trials"]} == {"done"}
    assert all(trial["seconds"] > 0 and trial["seed"] == 0 for trial in found["trials"])
    assert found["command"][:6] == ["train", "nopre", "--datasets", CAMERAS, "--backbone", str(tiny_t5)]
    assert own("models", "--json").document == []
    made = own(*found["command"])
    assert made.code == 0, made.err
    assert [row["name"] for row in own("models", "--json").document] == ["nopre-tuned"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["item-knn"], "--datasets is empty"),
        (
            ["item-knn", "-d", "shop"],
            "such as --try window=50,100. Settings of item-knn: order, window",
        ),
        (["sasrec", "-d", "shop"], "such as --try hidden=64,128"),
        (["nopre", "-d", "shop"], "such as --try learning-rate=2e-5,1e-4"),
        (["item-kn", "-d", "shop", "--try", "decay=1"], 'No model to tune "item-kn". Did you mean item-knn'),
        (["only", "-d", "shop", "--try", "decay=1"], 'No model to tune "only"'),
        (["pop", "-d", "shop", "--try", "decay=1"], "pop has no settings to try. These have: item-knn"),
        (["item-knn", "-d", "shp", "--try", "decay=1"], 'No dataset "shp". Did you mean shop'),
        (["item-knn", "-d", "shop", "--try", "decai=1"], 'No setting of item-knn "decai". Did you mean decay'),
        (["item-knn", "-d", "shop", "--try", "decay=0.5,2"], "decay = 2.0 is not allowed. Allowed: a number from 0"),
        (["item-knn", "-d", "shop", "--try", "window=1,x"], "window = x is not allowed. Allowed: a whole number"),
        (["item-knn", "-d", "shop", "--try", "order=up"], "order = up is not allowed. Allowed: ordered or symmetric"),
        (["item-knn", "-d", "shop", "--try", "decay"], "--try decay: is not KEY=VALUE,VALUE"),
        (["item-knn", "-d", "shop", "--try", "decay=0.5,"], "is not KEY=VALUE,VALUE"),
        (["item-knn", "-d", "shop", "--try", "decay=1,1"], "names 1 twice"),
        (["item-knn", "-d", "shop", "--try", "decay=1,1.0"], "decay=1 and decay=1.0 are the same model"),
        (["item-knn", "-d", "shop", "--try", "decay=1", "--try", "decay=0"], "decay is tried already"),
        (["sasrec", "-d", "shop", "--try", "hidden=8,9"], "hidden = 9 cannot be divided among heads = 2"),
        (["item-knn", "-d", "shop", "--try", "decay=1", "--trials", "-1"], "--trials -1"),
        (["item-knn", "-d", "shop", "--try", "decay=1", "--sample", "-1"], "--sample -1"),
        (["item-knn", "-d", "shop", "--try", "decay=1", "--seed", "1"], "--seed 1 says nothing"),
        (["item-knn", "-d", "shop", "--try", "decay=1", "--metric", "hr@7"], 'No metric "hr@7"'),
        (["item-knn", "-d", "shop", "--try", "decay=1", "--features", "only"], "item-knn reads no vectors"),
        (["item-knn", "-d", "shop", "--try", "decay=1", "--recipe", "demo"], "--recipe demo: is for text models"),
        (["nopre", "-d", "shop", "--try", "batch=2,4", "--features", "x"], "--features x: is for baselines"),
        (["nopre", "-d", "shop", "--try", "batch=1"], "--try batch=1: batch = 1 is not allowed"),
        (["nopre", "-d", "shop", "--try", "crop=0.5,0.6"], "--try crop=0.5: changes nothing, because nopre"),
        (["item-knn", "-d", "asked", "--try", "decay=1"], "asked has no valid events"),
        (["7"], "No search 7. There is none yet."),
        (["list", "-d", "shop"], "--datasets says nothing with `st5 tune list`"),
    ],
)
def test_a_mistake_gets_one_message_before_any_work(program: Program, words: list[str], message: str) -> None:
    space = Workspace(program.workspace)
    add(space, "asked", ["x", "y"], ["", ""], [("u", (0, 1), ((1, TEST),))])
    failed = program("tune", *words)
    assert message in refusal(failed)
    assert failed.code == 2
    with space.read() as db:
        assert (jobs.jobs(db), searches.searches(db)) == ([], [])


def test_a_dataset_that_is_replaced_takes_its_searches_along(program: Program) -> None:
    program(*ORDERS)
    with Workspace(program.workspace).write() as db:
        db.execute("DELETE FROM dataset")
        assert searches.searches(db) == []
    assert program("models", "--json").document == []
    assert "No search yet" in program("tune", "list").err
