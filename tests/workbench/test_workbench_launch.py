"""What the forms make: command lines that the program understands, judged by the program's own rules."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import shop
import typer
from click import Command, Context

from engine.commands.application import application
from engine.rating.predictor import SETTINGS as PREDICTOR_SETTINGS
from engine.rating.predictor import Predictor, PredictorSettings
from engine.registry import baselines, made_on_first_use
from engine.training.recipe import VARIANTS as CHAINS
from engine.training.recipe import recipe_names
from store.evaluations import evaluations
from store.workspace import Workspace
from tests.test_architecture import HEAVY, loaded_by
from workbench.home.next_step import UNTRAINED
from workbench.launch import baseline, evaluate, ingest, rate, train
from workbench.launch.baseline import BaselineForm
from workbench.launch.demo import DemoForm
from workbench.launch.evaluate import EvaluateForm
from workbench.launch.experiment import ExperimentForm
from workbench.launch.form_options import read_form_options
from workbench.launch.ingest import AmazonForm, MovielensForm, SyntheticForm, TableForm, YelpForm
from workbench.launch.job_form import JobForm
from workbench.launch.project import ProjectForm
from workbench.launch.rate import RateForm
from workbench.launch.recent_forms import RecentForms
from workbench.launch.registry import KINDS
from workbench.launch.report import ReportForm
from workbench.launch.train import TrainForm
from workbench.launch.tune import TuneForm

FILMS = ("movielens-small",)
LINES = [
    (TrainForm(datasets=FILMS), "train nopre --datasets movielens-small --recipe modern --detach"),
    (
        TrainForm("final", ("a", "b"), "my model", "auto", "demo", ("batch=128", "epochs=2"), "big", "7", "cuda:1"),
        "train final --datasets a,b --backbone 'my model' --recipe demo --set batch=128 --set epochs=2 --name big"
        " --seed 7 --device cuda:1 --detach",
    ),
    (  # nothing is trained: no job, and no word about how
        TrainForm("only", ("a",), "blair", "cls", "demo", ("batch=128",), "mine", "7"),
        "train only --backbone blair --pooling cls --name mine",
    ),
    (TrainForm("nopre", ("a",), "blair", "cls"), "train nopre --datasets a --backbone blair --recipe modern --detach"),
    (
        EvaluateForm(("only", "pop"), ("a",), "valid", "100", "3", "unstructured", "fields"),
        "evaluate only pop --datasets a --split valid --sample 100 --seed 3 --history unstructured --item-text fields"
        " --detach",
    ),
    (EvaluateForm(("pop",), ("a",), seed="3"), "evaluate pop --datasets a --detach"),
    (BaselineForm("last-item", ("a",), "big"), "baseline last-item --datasets a --features big --detach"),
    (BaselineForm("fusion", ("a",), parts=("x", "y")), "baseline fusion --datasets a --parts x,y --detach"),
    (BaselineForm("pop", ("a",), "big", ("x", "y"), ("epochs=1",), "x", "3"), "baseline pop --datasets a --detach"),
    (
        BaselineForm("sasrec", ("a",), "big", (), ("epochs=1",), "x", "3", "50"),
        "baseline sasrec --datasets a --set epochs=1 --name x --seed 3 --sample 50 --detach",
    ),
    (
        TuneForm("star", ("a",), ("decay=0.5,0.7", "power=1"), "1", "big", seed="3", sample="50"),
        "tune star --datasets a --try decay=0.5,0.7 --try power=1 --trials 1 --features big --seed 3 --sample 50"
        " --detach",
    ),
    (  # every combination is tried, and nothing of item-knn is random
        TuneForm("item-knn", ("a",), ("decay=0.5,0.7",), "", "big", "blair", "demo", "3"),
        "tune item-knn --datasets a --try decay=0.5,0.7 --detach",
    ),
    (
        TuneForm("nopre", ("a",), ("batch=32,64",), "", "big", "blair", "demo", "3"),
        "tune nopre --datasets a --try batch=32,64 --backbone blair --recipe demo --seed 3 --detach",
    ),
    (
        RateForm("ridge", ("a",), "big", ("penalty=5",)),
        "rate ridge --datasets a --features big --set penalty=5 --detach",
    ),
    (RateForm("mean", ("a",), "big", ("penalty=5",)), "rate mean --datasets a --detach"),
    (
        ProjectForm("only", ("a",), "users", "umap", "500", "1", ("epochs=50",), "unstructured"),
        "project only --datasets a --kind users --method umap --sample 500 --seed 1 --set epochs=50"
        " --history unstructured --detach",
    ),
    (ExperimentForm(), "experiment main --detach"),
    (
        ExperimentForm("variants", ("a",), "yes", "", "demo", ("batch=64",), "pop,only", "0,1", "100"),
        "experiment variants --datasets a --train --recipe demo --set batch=64 --models pop,only --seeds 0,1"
        " --sample 100 --detach",
    ),
    (ReportForm(), "report --out report --detach"),
    (ReportForm("r", ("html", "csv"), ("main",)), "report --out r --format html,csv --experiments main --detach"),
    (DemoForm(), "demo --detach"),
    (MovielensForm(folder="ml"), "ingest movielens ml --detach"),
    (
        MovielensForm(name="x", split="timestamp", t1="1", t2="2", caps="1,2,3", seed="4", replace="yes"),
        "ingest movielens --name x --split timestamp --t1 1 --t2 2 --caps 1,2,3 --seed 4 --replace --detach",
    ),
    (
        AmazonForm(domain="D", reviews="r", meta="m", train="t"),
        "ingest amazon23 --domain D --reviews r --meta m --detach",
    ),
    (
        AmazonForm(domain="D", layout="benchmark", train="t", valid="v", test="e", meta="m", reviews="r"),
        "ingest amazon23 --domain D --train t --valid v --test e --meta m --detach",
    ),
    (AmazonForm(domain="D", layout="hub", meta="m"), "ingest amazon23 --domain D --from-hub --detach"),
    (YelpForm(business="b", review="r"), "ingest yelp --business b --review r --detach"),
    (
        TableForm(events="e", items="i", name="n", user="who", timestamp_format="iso", text="ascii"),
        "ingest table --events e --items i --name n --timestamp-format iso --text ascii --user who --detach",
    ),
    (SyntheticForm(users="60", domains="1", seed="3"), "ingest synthetic --users 60 --domains 1 --seed 3 --detach"),
]  # fmt: skip


@pytest.fixture
def films(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace that is only read, seen from an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Workspace(built)


@pytest.mark.parametrize(
    ("job_form", "line"), LINES, ids=lambda value: value.KIND if isinstance(value, JobForm) else ""
)
def test_the_command_line_leaves_out_what_is_default_and_the_program_parses_it(job_form: JobForm, line: str) -> None:
    assert shlex.join(job_form.words()) == line
    parsed(job_form.words())


def test_the_columns_of_a_csv_file_are_looked_at_before_anything_starts(films: Workspace, tmp_path: Path) -> None:
    (tmp_path / "plays.csv").write_text("user,item_id,when\nu,a,1\n")
    (tmp_path / "songs.tsv").write_text("item_id\ttitle\na\tAlpha\n")
    (tmp_path / "songs.jsonl").write_text('{"key": "a"}\n')
    job_form = TableForm(events="plays.csv", items="songs.tsv", name="mine")
    assert 'plays.csv: No column "user_id"' in job_form.validate(films).problem
    assert "Pass the column as --user COLUMN" in job_form.validate(films).problem
    mended = replace(job_form, user="user")
    assert mended.validate(films).problem == ""
    assert 'plays.csv: No column "stars"' in replace(mended, rating="stars").validate(films).problem
    assert "when" in replace(mended, order="wen").validate(films).problem
    assert 'songs.tsv: No column "name"' in replace(mended, title="name").validate(films).problem
    assert 'songs.tsv: No column "genre"' in replace(mended, category="genre").validate(films).problem
    assert replace(mended, category="none", rating="none").validate(films).problem == ""
    (tmp_path / "songs.tsv").write_text("item_id\ttitle\tgenres\na\tAlpha\tPop\n")
    assert mended.validate(films).hints.remarks == {
        "events": "columns: user, item_id, when",
        "items": "columns: item_id, title, genres",
        "category": "taken: genres",
    }
    (tmp_path / "songs.tsv").write_text("item_id\ttitle\ttitle\na\tAlpha\tBeta\n")
    assert 'the column "title" occurs twice (columns 2 and 3)' in mended.validate(films).problem
    (tmp_path / "songs.tsv").write_text("<!DOCTYPE html>\n<html></html>\n")
    assert "songs.tsv: is a web page" in mended.validate(films).problem
    assert replace(mended, items="songs.jsonl").validate(films).problem == ""  # known when it is read


def parsed(words: list[str]) -> None:
    """Let the program's own parser read a command line; it raises where a word is unknown."""
    command: Command = typer.main.get_command(application)
    while hasattr(command, "get_command"):
        found = command.get_command(Context(command), words[0])
        assert found is not None, words
        command, words = found, words[1:]
    command.make_context(command.name, list(words))


def test_every_kind_is_tried_and_every_command_that_makes_something_is_a_kind() -> None:
    assert {type(job_form) for job_form, _ in LINES} == set(KINDS.values())
    made = {"demo", "train", "baseline", "tune", "evaluate", "rate", "project", "experiment", "report", "ingest"}
    assert {kind.split()[0] for kind in KINDS} == made


def test_what_the_forms_know_is_what_the_engine_knows() -> None:
    assert set(train.VARIANTS) == set(CHAINS)
    assert TrainForm().recipe in recipe_names()
    assert baseline.FIRST in baselines()
    assert set(UNTRAINED) <= set(made_on_first_use())
    assert {name for name, _ in rate.PREDICTORS} == set(Predictor)
    assert {name for name, _ in rate.OVER_TEXT} == {one.value for one in Predictor if one.reads_text}
    assert {name for name, _ in rate.MEANS} == {
        one.value for one, own in PREDICTOR_SETTINGS.items() if own is PredictorSettings
    }
    from engine.preparation.cleaning import Alphabet
    from engine.text.sentences import HistoryFormat, ItemText
    from store.enums import Split, SplitKind

    assert set(evaluate.HISTORIES) == {evaluate.TRAINED, *HistoryFormat}
    assert set(evaluate.ITEM_TEXTS) == {evaluate.TRAINED, *ItemText}
    assert set(evaluate.SPLITS) == set(Split)
    assert {name for name, _ in ingest.SPLITS} == {"auto", *SplitKind} - {SplitKind.GIVEN}
    assert {name for name, _ in ingest.ALPHABETS} == {"auto", *Alphabet}


@pytest.mark.parametrize(
    ("job_form", "words"),
    [
        (TrainForm(), "Choose at least one dataset to train on"),
        (TrainForm(datasets=FILMS, settings=("bach=64",)), 'No setting "bach"'),
        (TrainForm(datasets=FILMS, settings=("batch=1",)), "batch = 1 is not allowed"),
        (TrainForm(datasets=FILMS, variant="nopr"), "nopre"),
        (TrainForm(datasets=FILMS, recipe="modrn"), "modern"),
        (TrainForm(datasets=FILMS, settings=("item-description.epochs=3",)), "nopre does not run item-description"),
        (TrainForm(datasets=FILMS, seed="-1"), 'seed "-1" is not a whole number'),
        (TrainForm(datasets=FILMS, name="a/b"), '"a/b" cannot be a name'),
        (TrainForm(datasets=FILMS, backbone="./nowhere"), "no such folder"),
        (TrainForm("only", backbone="embedded", pooling="max"), "pooling"),
        (TrainForm(datasets=("gone",)), 'No dataset "gone"'),
        (EvaluateForm(datasets=FILMS), "Choose at least one model"),
        (EvaluateForm(models=("pop",)), "Choose at least one dataset to evaluate on"),
        (EvaluateForm(models=("pop",), datasets=FILMS, sample="many"), "is not a whole number"),
        (EvaluateForm(models=("popp",), datasets=FILMS), 'No model "popp"'),
        (EvaluateForm(models=("sasrec",), datasets=FILMS), "has not been trained here yet"),
        (BaselineForm(), "Choose at least one dataset"),
        (BaselineForm("sasrec", FILMS, settings=("epoch=1",)), "epochs"),
        (BaselineForm("last-item", FILMS, features="pop"), "no text model"),
        (TuneForm(datasets=FILMS), "Name the values to try, such as --try window=50,100"),
        (TuneForm(tries=("decay=0.5",)), "Choose at least one dataset to search on"),
        (TuneForm(datasets=FILMS, tries=("decai=0.5",)), "Did you mean decay"),
        (TuneForm(datasets=FILMS, tries=("decay=0.5,2",)), "decay = 2.0 is not allowed"),
        (TuneForm("nopre", FILMS, ("bach=4",)), 'No setting "bach"'),
        (TuneForm(datasets=FILMS, tries=("decay=0.5",), trials="x"), 'trials "x" is not a whole number'),
        (RateForm("ridge", FILMS, features="pop"), "has no vectors"),
        (RateForm("pmf", FILMS, settings=("factors=0",)), "factors"),
        (ProjectForm(model="pop", datasets=FILMS), "has no vectors of its own"),
        (ProjectForm(datasets=FILMS, sample="3"), "3 points are too few"),
        (ExperimentForm(name="maine"), "main"),
        (ExperimentForm(seeds="0,x"), 'seeds "x" is not a whole number'),
        (ExperimentForm(models="popp"), 'No model "popp"'),
        (ReportForm(), "No experiment was asked for here yet"),
        (ReportForm(formats=()), "at least one format"),
        (MovielensForm(folder="nowhere"), "no such folder"),
        (MovielensForm(name="a,b"), "cannot be the name of a dataset"),
        (MovielensForm(caps="1,2"), "three whole numbers"),
        (MovielensForm(split="timestamp", t1="5"), "t1 and t2 belong together"),
        (MovielensForm(timestamp_format="isso"), 'No timestamp format "isso". Did you mean iso'),
        (YelpForm(business="b", review="r", timestamp_format="%d/%m"), "the pattern has no year"),
        (AmazonForm(), "name the product category"),
        (AmazonForm(domain="D"), "--reviews: choose a file"),
        (YelpForm(business="gone.json", review="r"), "gone.json: no such file"),
        (TableForm(), "the dataset needs one"),
        (SyntheticForm(users="none"), 'users "none" is not a whole number'),
    ],
    ids=lambda value: value.KIND if isinstance(value, JobForm) else "",
)
def test_what_the_command_would_refuse_is_said_before(films: Workspace, job_form: JobForm, words: str) -> None:
    assert words in job_form.validate(films).problem


@pytest.mark.parametrize(
    "job_form",
    [
        TrainForm(datasets=FILMS),
        TrainForm("only", name="mine"),
        EvaluateForm(models=("only", "pop"), datasets=FILMS, sample="10", seed="3"),
        BaselineForm("bm25", FILMS),
        BaselineForm("unisrec", FILMS, name="u", seed="2"),
        TuneForm(datasets=FILMS, tries=("decay=0.5,0.7",)),
        TuneForm("sasrec", FILMS, ("hidden=32,64", "epochs=5"), "1", seed="2"),
        RateForm("bias", FILMS),
        ProjectForm(datasets=FILMS),
        ExperimentForm(datasets=FILMS),
        MovielensForm(),
        MovielensForm(name=FILMS[0], replace="yes"),
        MovielensForm(name=FILMS[0]),  # the same files and options are found again
        SyntheticForm(),
        DemoForm(),
        AmazonForm(domain="All_Beauty", layout="hub"),
    ],
    ids=lambda job_form: job_form.KIND,
)
def test_nothing_is_said_against_what_the_command_takes(films: Workspace, job_form: JobForm) -> None:
    assert job_form.validate(films).problem == ""


def test_epochs_that_the_cap_on_pairs_cuts_off_are_said_beside_the_settings(films: Workspace) -> None:
    asked = ("sequence-item.epochs=30",)
    capped = TrainForm(datasets=FILMS, recipe="demo", settings=asked).validate(films)
    assert capped.problem == ""
    assert "pairs = 1,024" in capped.warning
    free = TrainForm(datasets=FILMS, recipe="demo", settings=(*asked, "sequence-item.pairs=0"))
    assert free.validate(films).warning == ""


def test_a_history_format_that_no_model_reads_is_said(films: Workspace) -> None:
    unread = EvaluateForm(models=("pop",), datasets=FILMS, history="unstructured").validate(films)
    assert (unread.problem, "--history unstructured changes nothing for pop" in unread.warning) == ("", True)
    assert EvaluateForm(models=("pop", "only"), datasets=FILMS, history="unstructured").validate(films).warning == ""
    assert EvaluateForm(models=("pop",), datasets=FILMS).validate(films).warning == ""


def test_a_name_that_is_taken_is_said_and_replacing_counts_what_goes(films: Workspace) -> None:
    taken = MovielensForm(name=FILMS[0]).validate(films)
    assert f"{FILMS[0]} exists" in taken.warning
    assert taken.deletes == ""
    with films.read() as db:
        count = len(evaluations(db, dataset=FILMS[0]))
    replacing = MovielensForm(name=FILMS[0], replace="yes").validate(films)
    assert f"{FILMS[0]}?" in replacing.deletes
    assert ("no evaluations" if count == 0 else f" {count:,} evaluation") in replacing.deletes
    assert MovielensForm(name="new", replace="yes").validate(films).deletes == ""


def test_neither_replacing_nor_a_used_name_is_carried_over_to_the_next_dataset() -> None:
    recent_forms = RecentForms()
    job_form = MovielensForm(folder="ml", name="films", split="quantile", replace="yes")
    recent_forms.keep(job_form)
    assert recent_forms.last == MovielensForm(folder="ml", name="films", split="quantile")
    recent_forms.keep(job_form, started=True)
    assert recent_forms.last == recent_forms.of("ingest movielens") == MovielensForm(folder="ml", split="quantile")


def test_files_that_are_there_are_taken(films: Workspace, tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("user_id,item_id\nu,a\n")
    (tmp_path / "i.csv").write_text("item_id,title\na,Alpha\n")
    assert TableForm(events="e.csv", items=str(tmp_path / "i.csv"), name="n").validate(films).problem == ""


def test_a_home_folder_is_spelled_out_since_no_shell_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert MovielensForm(folder="~/ml").words() == ["ingest", "movielens", "/home/ada/ml", "--detach"]


def test_a_draft_says_what_it_comes_to(films: Workspace) -> None:
    trained = TrainForm("final", FILMS).validate(films).hints
    assert trained.remarks == {"variant": "item-description → sequence-sequence → sequence-item"}
    assert {name for name, _ in trained.choices["variant"]} == set(CHAINS)
    assert TrainForm("only").validate(films).hints.remarks == {"variant": "nothing is trained"}
    assert ProjectForm(datasets=FILMS).validate(films).hints.remarks == {"kind": "100 points"}
    assert ProjectForm(datasets=FILMS, sample="50").validate(films).hints.remarks == {"kind": "50 points"}
    drawn = TuneForm(datasets=FILMS, tries=("decay=0.1,0.2,0.3", "window=1,2"), trials="4")
    assert drawn.validate(films).hints.remarks["trials"] == "4 trials of 6 combinations"
    remark = ExperimentForm("main", FILMS).validate(films).hints.remarks["train"]
    assert "to run" in remark
    assert "need training" in remark


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("demo", "report") and "ingest" not in kind])
def test_without_a_dataset_it_says_how_to_get_one(kind: str, tmp_path: Path) -> None:
    job_form = KINDS[kind]()
    if isinstance(job_form, EvaluateForm):
        job_form = replace(job_form, models=("pop",))
    assert "There is no dataset yet" in job_form.validate(Workspace(tmp_path / "nothing")).problem
    assert not (tmp_path / "nothing").exists()


def test_what_is_offered_is_what_is_there(films: Workspace, tmp_path: Path) -> None:
    offer = read_form_options(films)
    assert [name for name, _ in offer.datasets] == ["movielens-small", "shop-garden", "shop-kitchen"]
    assert [name for name, _ in offer.models] == [*shop.MODELS, "bm25", "item-knn"]
    assert [name for name, _ in offer.text_models] == ["only"]
    nothing = read_form_options(Workspace(tmp_path / "nothing"))
    assert nothing.datasets == ()
    assert [name for name, _ in nothing.text_models] == ["only"]
    assert "main" in [name for name, _ in nothing.experiments]


def test_judging_loads_nothing_that_only_work_needs(built: Path) -> None:
    code = f"""
from pathlib import Path
from store.workspace import Workspace
from workbench.launch.registry import KINDS
from workbench.launch.form_options import read_form_options
workspace = Workspace(Path({str(built)!r}))
read_form_options(workspace)
for kind in KINDS.values():
    fields = kind.form()
    filled = {{"datasets": {FILMS!r}, "models": ("pop",), "domain": "D", "layout": "hub", "name": "n"}}
    values = {{name: value for name, value in filled.items() if name in fields}}
    kind(**values).validate(workspace)
"""
    assert not loaded_by(code) & HEAVY
