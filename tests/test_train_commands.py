"""`st5 train`: the four variants, what they leave behind, what they share, and what is refused before a job exists."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from store.enums import Phase, Split
from store.workspace import Workspace
from tests.program import Program, refusal
from tests.small_shop import CATEGORIES, TEST, TITLES, A, B, C, add, many
from tests.tiny_models import make_tiny_bert, make_tiny_decoder
from tests.training_shop import CAMERAS, GAMES, KITCHEN, make_shop, small

TRAIN, VALID = Split.TRAIN, Split.VALID
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt")


@pytest.fixture(scope="module", autouse=True)
def own_leases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Trainings of other workspaces on this machine are not waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("leases")))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Program:
    """A workspace in which the three variants have been trained, for tests that only read."""
    program = Program(make_shop(tmp_path_factory.mktemp("trained") / "w").folder)
    for variant in ("nopre", "itempre", "final"):
        made = train(program, variant, tiny_t5)
        assert made.code == 0, made.err
        assert made.out == ""
        assert f"st5 evaluate {variant} --datasets {CAMERAS}" in made.err
    return program


@pytest.fixture
def program(trained: Program, tmp_path: Path) -> Program:
    """A copy of it, to train more in."""
    return Program(Path(shutil.copytree(trained.workspace, tmp_path / "w")))


@pytest.fixture
def empty(tmp_path: Path) -> Program:
    """A workspace in which nothing has been trained."""
    return Program(make_shop(tmp_path / "w").folder)


def train(program: Program, variant: str, backbone: Path, *more: str, datasets: str = CAMERAS, **changed: Any) -> Any:
    return program("train", variant, "--datasets", datasets, "--backbone", backbone, *small(**changed), *more)


def models(program: Program) -> dict[str, Any]:
    return {model["name"]: model for model in program("models", "--json").document}


def events(program: Program, job: int = 0) -> list[str]:
    """What a job told, by default the newest."""
    shown = program("jobs", "show", str(job or program("jobs", "list", "--json").document[0]["id"]), "--json").document
    return [f"{event['kind']}: {event['message']}" for event in shown["events"]]


def plain_vectors(folder: Path, sentences: list[str]) -> np.ndarray:
    from sentence_transformers import SentenceTransformer

    return np.asarray(SentenceTransformer(str(folder), device="cpu").encode(sentences))


def our_vectors(program: Program, name: str) -> tuple[list[str], np.ndarray]:
    """Sentences of the dataset with the vectors that evaluations store."""
    from engine.encoding.encoder import load
    from engine.text.sentences import Template, describe
    from store import datasets
    from store.enums import Split
    from store.workspace import Workspace

    with Workspace(program.workspace).read() as db:
        dataset = datasets.dataset(db, CAMERAS)
        bodies = [describe(item, Template().item_text) for item in datasets.items(db, dataset.id)]
        asked = datasets.events(db, dataset.id, Split.TEST)
    encoder = load(str(program.workspace / "models" / name), device="cpu", precision="fp32")
    renderer = encoder.renderer(Template())
    histories = [asked.history(row).tolist() for row in range(len(asked))]
    sentences = renderer.texts(bodies) + renderer.histories(bodies, histories)
    return [sentence.text for sentence in sentences], encoder.encode_all(sentences)


@pytest.mark.parametrize("name", ["nopre", "itempre", "final"])
def test_a_trained_folder_opens_plainly_and_gives_the_same_vectors(trained: Program, name: str) -> None:
    sentences, ours = our_vectors(trained, name)
    assert np.abs(plain_vectors(trained.workspace / "models" / name, sentences) - ours).max() < 1e-5


def test_a_backbone_without_spare_tokens_gets_marker_rows_that_are_saved(empty: Program, tiny_roberta: Path) -> None:
    assert train(empty, "final", tiny_roberta, pairs=32).code == 0
    sentences, ours = our_vectors(empty, "final")
    assert np.abs(plain_vectors(empty.workspace / "models" / "final", sentences) - ours).max() < 1e-5
    before = load_file(tiny_roberta / "model.safetensors")
    after = load_file(empty.workspace / "models" / "final" / "model.safetensors")
    (table,) = [key for key in before if key.endswith("word_embeddings.weight")]
    assert len(after[table]) == len(before[table]) + 4


def test_weights_are_single_precision_safetensors_and_nothing_is_pickled(trained: Program) -> None:
    files = list(trained.workspace.rglob("*.safetensors"))
    assert len(files) == 3 + 5  # three models, and five phases of which one is shared
    assert len({path.stat().st_ino for path in files}) == 5  # a model shares its last phase's file
    for path in files:
        assert {str(tensor.dtype) for tensor in load_file(path).values()} == {"torch.float32"}
    assert [path for kind in PICKLES for path in trained.workspace.rglob(kind)] == []
    assert list(trained.workspace.rglob("checkpoint-*")) == []


def test_itempre_and_final_share_one_item_description_phase(trained: Program) -> None:
    found = models(trained)
    chains = {name: [phase["key"] for phase in found[name]["lineage"]] for name in ("nopre", "itempre", "final")}
    assert [len(chain) for chain in chains.values()] == [1, 2, 3]
    assert chains["itempre"][0] == chains["final"][0]
    keys = {key for chain in chains.values() for key in chain}
    assert len(keys) == 5
    assert {path.name for path in (trained.workspace / "phases").iterdir()} == keys
    assert any("item-description was trained before" in event for event in events(trained, 3))
    assert not any("was trained before" in event for event in events(trained, 2))


def test_a_model_tells_its_chain(trained: Program, tiny_t5: Path) -> None:
    from engine import __version__

    (final,) = trained("models", "final", "--json").document
    (data,) = trained("datasets", CAMERAS, "--json").document
    assert (final["variant"], final["backbone"], final["seed"]) == ("final", str(tiny_t5), 0)
    first, second, third = final["lineage"]
    assert [phase["phase"] for phase in final["lineage"]] == list(Phase)
    assert [second["parent"], third["parent"]] == [first["key"], second["key"]]
    assert third["weights_hash"] == final["weights_hash"]
    for phase in final["lineage"]:
        assert phase["datasets"] == {CAMERAS: data["fingerprint"]}
        assert (phase["seed"], phase["code_version"]) == (0, __version__)
        assert phase["seconds"] > 0
        assert phase["device"].endswith(phase["settings"]["precision"])  # what this machine multiplies fast
        assert (phase["settings"]["batch"], phase["settings"]["learning-rate"]) == (8, 0.003)
        assert (phase["summary"]["steps"], phase["summary"]["pairs"], phase["summary"]["processes"]) == (8, 64, 1)
    shown = trained("models", "final").out
    for word in (*map(str, Phase), data["fingerprint"][:12], first["device"]):
        assert word in shown


def test_the_same_again_does_nothing(program: Program, tiny_t5: Path) -> None:
    before = program("models", "--json").out
    files = {path: path.stat().st_mtime_ns for path in program.workspace.rglob("*.json")}
    assert train(program, "final", tiny_t5).code == 0
    assert program("models", "--json").out == before
    assert {path: path.stat().st_mtime_ns for path in program.workspace.rglob("*.json")} == files
    assert any("trained in the same way" in event for event in events(program))


def test_another_recipe_does_not_take_the_name(program: Program, tiny_t5: Path) -> None:
    before = program("models", "--json").out, program("jobs", "list", "--json").out
    for more in ({"scale": 10}, {"pairs": 32}):
        said = refusal(refused := train(program, "final", tiny_t5, **more))
        assert refused.code == 2
        assert 'already a model "final"' in said
        assert "--name" in said
    assert train(program, "final", tiny_t5, "--seed", "1").code == 2
    assert train(program, "final", tiny_t5, datasets=GAMES).code == 2
    assert (program("models", "--json").out, program("jobs", "list", "--json").out) == before


def test_another_seed_recipe_or_dataset_makes_other_phases(program: Program, tiny_t5: Path) -> None:
    there = models(program)["nopre"]
    others = {
        "seed-1": train(program, "nopre", tiny_t5, "--seed", "1", "--name", "seed-1", pairs=64),
        "scaled": train(program, "nopre", tiny_t5, "--name", "scaled", scale=10),
        "games": train(program, "nopre", tiny_t5, "--name", "games", datasets=GAMES),
    }
    found = models(program)
    for name, outcome in others.items():
        assert outcome.code == 0, outcome.err
        assert found[name]["weights_hash"] != there["weights_hash"]
        assert found[name]["lineage"][0]["key"] != there["lineage"][0]["key"]
        assert found[name]["lineage"][0]["parent"] == there["lineage"][0]["parent"]  # the same backbone
    # What is only watched decides no weights: the phase is used again under another name.
    assert train(program, "nopre", tiny_t5, "--name", "watched", log_every=2, checkpoint_every=4).code == 0
    assert models(program)["watched"]["weights_hash"] == there["weights_hash"]
    assert any("was trained before" in event for event in events(program))


def test_a_recipe_file_names_its_own_chain(program: Program, tiny_t5: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "own.toml"
    recipe.write_text(
        'base = "modern"\npairs = 16\nbatch = 8\naverage = 0\nvalidation-events = 5\n[chains]\n'
        'views = ["sequence-sequence", "sequence-item"]\n[sequence-item]\npairs = 24\n'
    )
    made = program("train", "views", "-d", CAMERAS, "--backbone", tiny_t5, "--recipe", recipe)
    assert made.code == 0, made.err
    found = models(program)["views"]
    steps = [(phase["phase"], phase["summary"]["steps"]) for phase in found["lineage"]]
    assert steps == [("sequence-sequence", 2), ("sequence-item", 3)]
    assert (found["variant"], found["recipe"]["recipe"]) == ("views", "own")


def test_validation_is_what_evaluate_says_of_the_same_events(program: Program, tiny_t5: Path) -> None:
    """The sample is all valid events and the catalogue is full: two ways to one number."""
    assert train(program, "nopre", tiny_t5, "--name", "last", best_by="last", validation_events=10_000).code == 0
    shown = program("jobs", "show", str(program("jobs", "list", "--json").document[0]["id"]), "--json").document
    newest = {curve["name"]: curve for curve in shown["series"]}
    assert newest["ndcg@10"]["step"] == 8
    evaluated = program("evaluate", "last", "-d", CAMERAS, "--split", "valid", "--precision", "fp32")
    assert evaluated.code == 0, evaluated.err
    rows = program("results", "--json", "--model", "last").document
    stored = {row["metric"]: row for row in rows if row["slice"] == "all" and row["seen"] == "mask"}
    assert {row["split"] for row in stored.values()} == {"valid"}
    for metric in ("ndcg@10", "hr@10"):
        assert stored[metric]["n"] > 5
        assert newest[metric]["value"] == pytest.approx(stored[metric]["mean"], abs=1e-9)


def test_several_datasets_train_jointly(program: Program, tiny_t5: Path) -> None:
    both = f"{GAMES},{KITCHEN}"
    for name, mixing in (("mixed", "mixed"), ("apart", "by-dataset")):
        assert train(program, "nopre", tiny_t5, "--name", name, datasets=both, mixing=mixing, pairs=32).code == 0
    mixed, apart = (models(program)[name] for name in ("mixed", "apart"))
    prints = {row["name"]: row["fingerprint"] for row in program("datasets", "--json").document}
    for model in (mixed, apart):
        assert model["lineage"][0]["datasets"] == {name: prints[name] for name in (GAMES, KITCHEN)}
    assert mixed["weights_hash"] != apart["weights_hash"]
    # The order in which they are named says nothing.
    turned = train(program, "nopre", tiny_t5, "--name", "turned", datasets=f"{KITCHEN},{GAMES}", pairs=32)
    assert turned.code == 0
    assert models(program)["turned"]["weights_hash"] == mixed["weights_hash"]


def test_a_phase_without_any_batch_is_refused(tmp_path: Path, tiny_t5: Path) -> None:
    """One pair in each dataset, and batches of one dataset: no user has another user's item as a negative."""
    workspace = Workspace(tmp_path / "w")
    for name in ("one", "two"):
        add(workspace, name, TITLES, CATEGORIES, [(name, (A, B, C), ((1, TRAIN), (2, TEST)))])
    program = Program(workspace.folder)
    alone = ("--set", "best-by=last", "--set", "mixing=by-dataset")
    said = refusal(train(program, "nopre", tiny_t5, *alone, datasets="one,two"))
    assert "no batch has two pairs" in said
    assert "--set mixing=mixed" in said
    assert train(program, "nopre", tiny_t5, *alone, "--set", "mixing=mixed", datasets="one,two").code == 0


def test_a_model_is_asked_in_the_words_that_it_was_trained_on(program: Program, tiny_t5: Path) -> None:
    assert train(program, "nopre", tiny_t5, "--name", "plain", history="unstructured", pairs=16).code == 0
    for said, read in (([], "unstructured"), (["--history", "structured"], "structured")):
        rows = program("evaluate", "plain", "--datasets", CAMERAS, "--json", *said).document
        assert {row["protocol"].split("; ")[2].split(",")[0] for row in rows} == {read}


def test_a_trained_model_is_a_backbone_for_the_next(program: Program) -> None:
    made = program("train", "nopre", "-d", GAMES, "--backbone", "final", "--name", "further", *small(pairs=16))
    assert made.code == 0, made.err
    assert models(program)["further"]["backbone"] == "final"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("nopre", "--backbone", "/no/such/folder"), "/no/such/folder"),
        (("nopre", "--recipe", "modren"), "Did you mean modern"),
        (("fnal",), "Did you mean final"),
        (("nopre", "--set", "epohcs=3"), "Did you mean epochs"),
        (("nopre", "--set", "batch=1"), "from 2"),
        (("nopre", "--set", "precision=fp16"), "fp16"),
        (("nopre", "--set", "item-description.epochs=3"), "nopre does not run item-description"),
        (("itempre", "--set", "crop=0.5"), "itempre does not run sequence-sequence"),
        (("final", "--set", "augmentations=crop", "--set", "drop=0.2"), "sequence-sequence has no augmentation drop"),
        (("final", "--set", "sequence-item.crop=0.5"), "crop is for sequence-sequence"),
        (("nopre", "--set", "lora-alpha=8"), "lora-rank = 0"),
        (("nopre", "--set", "bank-refreshes=8"), "sequence-item has no bank of items"),
        (("itempre", "--set", "loss=catalogue"), "--set sequence-item.loss=catalogue"),
        (("only", "--set", "epochs=2"), "only trains nothing"),
        (("nopre", "--name", "../mine"), "cannot be a name"),
    ],
)
def test_what_is_wrong_is_said_before_a_job_exists(
    empty: Program, tiny_t5: Path, options: tuple[str, ...], expected: str
) -> None:
    backbone = () if "--backbone" in options else ("--backbone", tiny_t5)
    refused = empty("train", *options, "-d", CAMERAS, *backbone)
    assert refused.code == 2
    assert expected in refusal(refused)
    assert empty("jobs", "list", "--json").document == []
    assert not (empty.workspace / "phases").exists()


def test_epochs_beyond_the_cap_on_pairs_are_warned_of_and_not_recorded(empty: Program, tiny_t5: Path) -> None:
    """64 pairs in batches of 8 are 8 batches; the shop has more than 64 train events, so they are part of one epoch."""
    made = train(empty, "nopre", tiny_t5, "--set", "sequence-item.epochs=30")
    assert made.code == 0, made.err
    assert "Warning: sequence-item may end before epochs = 30" in made.err
    (phase,) = models(empty)["nopre"]["lineage"]
    assert phase["settings"]["epochs"] == 1
    assert phase["summary"]["batches"] == 8
    assert any("1 epoch of 30, because pairs = 64 ends the phase" in event for event in events(empty))


def test_epochs_that_are_trained_are_recorded(empty: Program, tiny_t5: Path) -> None:
    made = train(empty, "nopre", tiny_t5, "--set", "epochs=2", pairs=0)
    assert made.code == 0, made.err
    assert "Warning" not in made.err
    (phase,) = models(empty)["nopre"]["lineage"]
    assert phase["settings"]["epochs"] == 2
    assert any(", 2 epochs (" in event for event in events(empty))


def test_data_that_cannot_be_trained_on_is_named_before_a_job_exists(tmp_path: Path, tiny_t5: Path) -> None:
    workspace = many(tmp_path / "w", users=20, items=10, name="no-valid")
    add(workspace, "no-train", TITLES, CATEGORIES, [("u0", (A, B, C), ((1, VALID), (2, TEST)))])
    program = Program(tmp_path / "w")
    without_descriptions(program, tmp_path, "untold")
    known = ("--backbone", tiny_t5)
    for arguments, words in (
        (("nopre", "-d", "no-valid", *known), ("best-by = ndcg@10", "no-valid", "--set best-by=last")),
        (("itempre", "-d", "untold", *known), ("item-description", "untold", "nopre")),
        (("nopre", "-d", "no-train", *known), ("no-train has no train events",)),
        (("nopre", "-d", "no-vlaid", *known), ("Did you mean no-valid",)),
        (("nopre", *known), ("--datasets",)),
    ):
        refused = program("train", *arguments)
        assert refused.code == 2
        for word in words:
            assert word in refusal(refused)
    assert program("jobs", "list", "--json").document == []
    assert train(program, "nopre", tiny_t5, datasets="no-valid", best_by="last", pairs=16).code == 0


def test_weights_that_overflow_fail_the_job_with_the_step(empty: Program, tiny_t5: Path, tmp_path: Path) -> None:
    huge = Path(shutil.copytree(tiny_t5, tmp_path / "huge"))
    weights = load_file(huge / "model.safetensors")
    name = next(key for key in weights if key.endswith("DenseReluDense.wo.weight"))
    weights[name] = weights[name] * 1e38
    save_file(weights, huge / "model.safetensors", {"format": "pt"})
    failed = train(empty, "nopre", huge)
    assert failed.code == 1
    said = refusal(failed)
    assert "The loss became NaN or infinite at step 1 of 8. There is no checkpoint before it" in said
    (job,) = empty("jobs", "list", "--json").document
    assert (job["state"], job["message"]) == ("failed", said.removeprefix("st5: "))
    assert models(empty) == {}


def without_descriptions(program: Program, folder: Path, name: str) -> None:
    """A dataset of a CSV file: twelve users with the same five items."""
    items, rows = folder / f"{name}-items.csv", folder / f"{name}-events.csv"
    items.write_text("item_id,title\n" + "".join(f"i{n},Thing {n}\n" for n in range(5)))
    rows.write_text("user_id,item_id,position\n" + "".join(f"u{n // 5},i{n % 5},{n % 5}\n" for n in range(60)))
    made = program("ingest", "table", "--events", rows, "--items", items, "--name", name, "--split", "leave-one-out")
    assert made.code == 0, made.err


def test_training_reads_with_the_prompts_of_its_backbone_and_keeps_them(empty: Program, tmp_path: Path) -> None:
    plain = make_tiny_bert(tmp_path)
    prompted = tmp_path / "prompted"
    shutil.copytree(plain, prompted)
    about = prompted / "config_sentence_transformers.json"
    said = {"prompts": {"query": "query: ", "passage": "passage: "}, "default_prompt_name": "query"}
    about.write_text(json.dumps(json.loads(about.read_text()) | said))
    for name, backbone in (("with", prompted), ("without", plain)):
        made = train(empty, "final", backbone, "--name", name)
        assert made.code == 0, made.err
        assert "Default prompt name" not in made.err
    words = [event for job in (1, 2) for event in events(empty, job) if event.startswith("prompts")]
    assert words == [
        'prompts: The backbone\'s prompts are applied: "query: " before histories, "passage: " before items.'
    ]
    kept = {"history": "query: ", "item": "passage: "}
    found = models(empty)
    assert found["with"]["recipe"]["prompts"] == kept
    assert found["with"]["recipe"]["request"]["prompts"] == kept
    assert [phase["summary"]["prompts"] for phase in found["with"]["lineage"]] == [kept] * len(found["with"]["lineage"])
    assert "prompts" not in str(found["without"])
    own, other = ({phase["key"] for phase in found[name]["lineage"]} for name in ("with", "without"))
    assert not own & other
    assert empty("evaluate", "with", "--datasets", CAMERAS).code == 0
    protocol = empty("results", "--json").document[0]["protocol"]
    assert 'prompts "query: " before histories' in protocol
    again = train(empty, "nopre", Path("with"), "--name", "on")
    assert again.code == 0, again.err
    assert models(empty)["on"]["recipe"]["prompts"] == kept


def test_a_decoder_without_a_pad_token_is_trained(empty: Program, tmp_path: Path) -> None:
    made = train(empty, "nopre", make_tiny_decoder(tmp_path, "qwen2"), "--name", "decoder")
    assert made.code == 0, made.err
    measured = empty("evaluate", "decoder", "--datasets", CAMERAS)
    assert measured.code == 0, measured.err
