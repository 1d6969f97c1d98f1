"""The demo from an empty folder to its last line, killed and started again on its way, with a small random encoder."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from textual.pilot import Pilot

from engine.commands import demo as command
from store import datasets, evaluations, jobs, models, projections
from store.enums import JobState, Seen
from store.experiments import experiments
from store.workspace import Workspace
from tests.conftest import Run
from tests.program import Outcome, Program
from tests.waiting import wait_for
from workbench.application import Workbench
from workbench.areas import AREAS
from workbench.map.choices import MapChoosingScreen
from workbench.results.screen import ResultsScreen

pytestmark = pytest.mark.timeout(1200)  # the fixture starts the demo three times; on a busy machine that takes minutes
pytest.importorskip("recbole", reason="MovieLens-100k (recbole 1.2.1) is not installed")

LIMIT_S = 60.0  # only a hang takes as long
DATASETS = ("ml-100k", "synthetic-Cameras", "synthetic-Games", "synthetic-Kitchen")
MODELS = ("pop", "last-item", "pop-recent", "item-knn", "recency", "fusion", "only", "final")
PHASES = ("item-description", "sequence-sequence", "sequence-item")


# As a shell starts it in the foreground; a test run in the background would hand on that Ctrl-C is ignored.
IN_FOREGROUND = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from engine.commands import main
main()
"""


class Started:
    """`st5 demo` in a process of its own; what it says comes line by line."""

    def __init__(self, workspace: Path, temporary: Path) -> None:
        environment = dict(os.environ, ST5_WORKSPACE=str(workspace), TMPDIR=str(temporary))
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", IN_FOREGROUND, "demo"],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment, cwd=temporary,
        )  # fmt: skip

    def reaches(self, line: str) -> None:
        """Read until it says this line."""
        assert self.process.stderr is not None
        for said in self.process.stderr:
            self.lines.append(said.rstrip("\n"))
            if self.lines[-1] == line:
                return
        raise AssertionError(f"It ended without {line!r}; it said:\n" + "\n".join(self.lines))

    def end(self, number: signal.Signals) -> int:
        """Send it a signal; returns its exit code."""
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=LIMIT_S)
        self.lines += rest.splitlines()
        return self.process.returncode


@dataclass(frozen=True)
class Shown:
    """A workspace that the demo filled. interrupted, killed: two starts that did not end; outcome: the third.

    finished: the phases that were trained when the second was killed, as `finished_phases`.
    """

    workspace: Workspace
    temporary: Path
    interrupted: Started
    killed: Started
    finished: dict[str, int]
    outcome: Outcome

    def json(self, *arguments: str) -> Any:
        return Program(self.workspace.folder)(*arguments, "--json").document


def curve_ends(workspace: Workspace, phase: str) -> list[int]:
    """The last step of each loss curve of a phase."""
    with workspace.read() as db:
        curves = [series for job in jobs.jobs(db) for series in jobs.series(db, job.id) if series.name == "loss"]
    return [int(max(curve.steps)) for curve in curves if curve.phase.startswith(phase)]


def finished_phases(workspace: Path) -> dict[str, int]:
    """The folders of finished phases, and when their weights were written, in ns."""
    found = (workspace / "phases").glob("*/model/model.safetensors")
    return {file.parts[-3]: file.stat().st_mtime_ns for file in found}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Shown:
    folder, temporary = tmp_path_factory.mktemp("demo") / "workspace", tmp_path_factory.mktemp("temporary")
    program = Program(folder)
    # The demo takes the model `only` as it finds it; the real backbone would take minutes here.
    assert program("train", "only", "--backbone", tiny_t5).code == 0
    interrupted = Started(folder, temporary)
    interrupted.reaches("[2/18] Generate the shop (3 domains, synthetic) …")
    interrupted.end(signal.SIGINT)
    killed = Started(folder, temporary)
    killed.reaches("  sequence-sequence …")
    # A job commits its curve once a second; what a kill leaves unwritten of a finished phase would not come again.
    wait_for(lambda: curve_ends(Workspace(folder), "item-description") == [16], "the curve of the first phase")
    killed.end(signal.SIGKILL)
    finished = finished_phases(folder)
    left = folder / "demo-shop"  # what a demo that is killed in its second step leaves
    left.mkdir()
    (left / "Games.jsonl").write_text("half a li")
    outcome = program("demo")
    assert outcome.code == 0, outcome.err
    return Shown(Workspace(folder), temporary, interrupted, killed, finished, outcome)


def test_ctrl_c_ends_it_with_what_to_do_next(demo: Shown) -> None:
    assert demo.interrupted.process.returncode == 130
    assert demo.interrupted.lines[-1].startswith("Interrupted.")
    assert "the same command goes on from there" in demo.interrupted.lines[-1]


def test_it_goes_on_after_it_was_killed(demo: Shown) -> None:
    assert demo.killed.process.returncode == -signal.SIGKILL
    assert any(name.startswith("item-description") for name in demo.finished)
    after = finished_phases(demo.workspace.folder)
    assert len(after) == len(PHASES)
    assert {name: after[name] for name in demo.finished} == demo.finished  # not trained again
    states = [job["state"] for job in demo.json("jobs", "list")]
    assert states[0] == "succeeded"
    assert set(states[1:]) & {"lost", "cancelled"}


def test_nothing_is_left_behind(demo: Shown) -> None:
    assert sorted(path.name for path in demo.workspace.folder.iterdir() if path.is_dir()) == [
        "jobs", "locks", "models", "phases",
    ]  # fmt: skip
    assert list(demo.temporary.iterdir()) == []


def test_every_step_is_named_when_it_begins_and_timed_when_it_ends(demo: Shown) -> None:
    lines = [line for line in demo.outcome.err.splitlines() if re.match(r"(\[\d+/18\]|  [a-z-]+( …|: \d))", line)]
    begun = [line.removesuffix(" …") for line in lines if line.endswith(" …")]
    ended = [line.rpartition(": ")[0] for line in lines if re.search(r": \d+\.\d s$", line)]
    assert len(begun) + len(ended) == len(lines)
    assert [line.partition("]")[0] for line in begun if line.startswith("[")] == [f"[{n}/18" for n in range(1, 19)]
    assert [line.strip() for line in begun if not line.startswith("[")] == list(PHASES)
    assert sorted(begun) == sorted(ended)
    # What it said before it was killed is all there: the step and the phase that it was in come last.
    assert [line for line in demo.killed.lines if line.endswith(" …")][-3:] == [
        "[4/18] Train final as a job …", "  item-description …", "  sequence-sequence …",
    ]  # fmt: skip


def test_data_and_models(demo: Shown) -> None:
    found = {each["name"]: each for each in demo.json("datasets")}
    assert tuple(found) == DATASETS
    assert (found["ml-100k"]["users"], found["ml-100k"]["items"]) == (943, 1682)
    final = demo.json("models", "final")[0]
    assert [phase["phase"] for phase in final["lineage"]] == list(PHASES)
    assert final["backbone"] == "only"


def test_jobs_has_the_training_with_its_curve_and_its_log(demo: Shown) -> None:
    newest = demo.json("jobs", "list")[0]
    steps = {phase: curve_ends(demo.workspace, phase) for phase in PHASES}
    assert all(16 in ends for ends in steps.values()), steps
    log = Program(demo.workspace.folder)("jobs", "logs", str(newest["id"])).out
    assert "validation: sequence-item" in log


def test_results_has_every_model_on_every_dataset(demo: Shown) -> None:
    rows = demo.json("results", "--by", "all", "--metric", "ndcg@10", "--seen", "mask")
    assert {(row["dataset"], row["model"]) for row in rows} == {(name, model) for name in DATASETS for model in MODELS}
    assert len(rows) == len(DATASETS) * (len(MODELS) + 1)  # `only` also without markers
    assert all(0 <= row["low"] <= row["mean"] <= row["high"] <= 1 for row in rows)
    for row in rows:
        label = f"{row['model']}, unstructured" if "; unstructured" in row["protocol"] else row["model"]
        assert re.search(rf"{row['dataset']} +{label} +{row['n']} +{row['mean']:.3f} ", demo.outcome.out)


def test_results_has_an_experiment_that_lacks_nothing(demo: Shown) -> None:
    listed = {each["name"]: each for each in demo.json("experiment", "list")}
    assert listed["main"]["missing"] == []
    assert tuple(listed["main"]["datasets"]) == DATASETS
    assert [name for name, each in listed.items() if each["missing"] is not None] == ["main"]


def test_map_has_two_maps_of_the_untrained_and_of_the_trained_encoder(demo: Shown) -> None:
    with demo.workspace.read() as db:
        found = projections.projections(db)
    assert {(each.model, each.method) for each in found} == {
        (m, by) for m in ("only", "final") for by in ("tsne", "umap")
    }
    assert all(each.kind == "items" and each.n == 960 and tuple(each.datasets) == DATASETS for each in found)
    assert (found[-1].model, found[-1].method) == ("final", "tsne")  # the workbench opens on the newest


def test_its_words_are_what_the_table_says(demo: Shown) -> None:
    with demo.workspace.read() as db:
        rows = evaluations.metric_rows(db, slice_name="all", metric="ndcg@10", seen=Seen.MASK)
    for name in DATASETS:
        of = [row for row in rows if row.evaluation.dataset == name]
        marked = [row for row in of if row.evaluation.protocol.get("history") != "unstructured"]
        means = {row.evaluation.model: row.metric.mean for row in marked}
        reached, trained = (line for line in demo.outcome.err.splitlines() if line.startswith(f"  {name} "))
        assert f" {means['fusion']:.3f}" in reached
        assert reached.endswith("(synthetic)") == name.startswith("synthetic")
        assert trained.split()[1:] == ["only", f"{means['only']:.3f}", "final", f"{means['final']:.3f}"]
        for other in ("pop", "last-item"):
            words = f"results --compare fusion {other} --dataset {name} --metric ndcg@10 --seen mask"
            (row,) = demo.json(*words.split())
            span = f"{row['difference']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
            after = demo.outcome.err.partition(f"{reached}\n")[2]
            assert re.search(rf"^    over {other} +{re.escape(span)}", after, re.MULTILINE)
    assert demo.outcome.out.count("Chose: ") == 3


def test_a_training_that_is_left_running_at_a_terminal_ends_the_demo_with_what_to_do_next(
    tiny_t5: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path / "workspace")
    assert program("train", "only", "--backbone", tiny_t5).code == 0
    terminal, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", IN_FOREGROUND, "demo"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, cwd=tmp_path,
        env=dict(os.environ, ST5_WORKSPACE=str(program.workspace), COLUMNS="200"),
    )  # fmt: skip
    os.close(theirs)
    said = ""

    def reaches(words: str) -> None:
        nonlocal said
        while words not in said:
            try:
                said += os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # the process ended, so nothing more comes
                raise AssertionError(f"It ended without {words!r}; it said:\n{said}") from None

    try:
        reaches("job 1: item-description")
        process.send_signal(signal.SIGINT)
        reaches("keep watching [w]?")
        os.write(terminal, b"d\n")
        reaches("When the job has ended, `st5 demo` does them.")
        assert process.wait(LIMIT_S) == 0
    finally:
        process.kill()
        os.close(terminal)
        program("jobs", "cancel", "1", "--kill", "--yes")
        program("jobs", "logs", "1", "--follow")
    assert "[5/18]" not in said
    assert program("models", "--json").document[0]["name"] == "only"


def contents(workspace: Workspace) -> list[object]:
    """Everything that the demo makes, with its moment of making."""
    with workspace.read() as db:
        return [
            datasets.datasets(db), models.models(db), evaluations.evaluations(db), projections.projections(db),
            experiments(db), jobs.jobs(db),
        ]  # fmt: skip


def test_a_second_run_repeats_nothing(demo: Shown) -> None:
    before = contents(demo.workspace)
    again = Program(demo.workspace.folder)("demo")
    assert again.code == 0, again.err
    assert again.out == demo.outcome.out
    assert not any(phase in again.err for phase in PHASES)
    assert contents(demo.workspace) == before


def test_detached_it_is_a_job_whose_log_names_the_steps(demo: Shown, tmp_path: Path) -> None:
    program = Program(Path(shutil.copytree(demo.workspace.folder, tmp_path / "copy")))
    number = program("demo", "--detach").out.strip()
    log = program("jobs", "logs", number, "--follow").out
    assert "[18/18] Store the experiment main …" in log
    job = program("jobs", "list", "--json").document[0]
    assert (job["kind"], job["state"]) == ("demo", JobState.SUCCEEDED)


def test_the_commands_that_it_names_for_ones_own_data_work(demo: Shown, tmp_path: Path) -> None:
    program = Program(Path(shutil.copytree(demo.workspace.folder, tmp_path / "copy")))
    items, events = tmp_path / "ITEMS.csv", tmp_path / "EVENTS.csv"
    items.write_text("item_id,title\n" + "".join(f"{n},Song {n}\n" for n in range(8)))
    events.write_text(
        "user_id,item_id,timestamp\n"
        + "".join(f"u{user},{(user + n) % 8},{10**12 + 1000 * n + user}\n" for user in range(20) for n in range(6))
    )
    for line in command.NEXT:
        assert f"  {line}\n" in demo.outcome.err
        words = [str(tmp_path / word) if word.endswith(".csv") else word for word in line.split()[1:]]
        done = program(*words)
        assert done.code == 0, f"{line}\n{done.err}"


def test_the_keys_that_it_names_are_those_of_the_workbench(demo: Shown) -> None:
    assert tuple(key for key, _ in command.SHOWN) == tuple(f"{area.key} {area.title}" for area in AREAS)
    for key, words in command.SHOWN:
        assert re.search(rf"\n  {key} +{re.escape(words)}\n", demo.outcome.err)
    said = dict(command.SHOWN)
    keys = {
        binding.id: binding.key
        for screen in (Workbench, ResultsScreen, MapChoosingScreen)
        for binding in screen.BINDINGS
        if isinstance(binding, Binding)
    }
    assert f"; {keys['results.experiments']} shows the experiment main" in said["4 Results"]
    assert f"; {keys['map.first']} chooses another map" in said["6 Map"]
    assert f", {keys['map.second']} adds a second" in said["6 Map"]
    assert f"{keys['app.quit']} leaves" in said["7 Help"]
    assert (keys["results.mark"], keys["results.compare"]) == ("space", "a")
    assert "Space marks two models and a tests them" in demo.outcome.err.replace("\n", " ")


async def shown(pilot: Pilot, *words: str) -> str:
    """Wait until all these words are on the screen."""
    screen = ""
    try:
        async with asyncio.timeout(LIMIT_S):
            while not all(word in screen for word in words):
                await pilot.pause()
                strips = pilot.app.screen._compositor.render_strips()  # what the terminal gets
                screen = "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)
    except TimeoutError:
        raise AssertionError(f"Waited for {words}; the screen:\n{screen}") from None
    return screen


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_every_area_of_the_workbench_has_something_to_show(demo: Shown, size: tuple[int, int]) -> None:
    app = Workbench(demo.workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await shown(pilot, "All are evaluated: Results (4) compares them", "synthetic-Kitchen")
        await pilot.press("2")
        await shown(pilot, "History lengths", "movielens, Movies")
        await pilot.press("3")
        await shown(pilot, "✓ succeeded", "loss", "sequence-item")
        await pilot.press("4")
        await shown(pilot, "pop-recent", "¹ best")
        await pilot.press("e")
        await shown(pilot, "experiment main", "All models", "¹ best")
        await pilot.press("escape", "5")
        await shown(pilot, "target", "rank ")
        await pilot.press("6")
        await shown(pilot, "final · items · t-SNE  960 of 2,874", "trustworthiness")
        await pilot.press("7")
        await shown(pilot, "The way to an answer")


def test_the_films_are_real_and_split_by_time(st5: Run) -> None:
    from engine.sources.movielens import embedded_folder

    done = st5("ingest", "movielens", embedded_folder(), "--name", "films", "--json")
    assert done.returncode == 0, done.stderr
    films = json.loads(done.stdout)[0]
    assert (films["users"], films["items"], films["interactions"]) == (943, 1682, 100_000)
    assert films["split"] == "quantile"
    assert sum(films["events"].values()) == 100_000 - 943  # a user's first film has no history
