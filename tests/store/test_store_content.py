"""What is stored comes back as it was: arrays, vectors, models, evaluations; and is never half there."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from store import datasets, embeddings, evaluations, models
from store.arrays import content_hash, pack, settings_hash, unpack
from store.enums import Split
from store.errors import BadInput, Failed
from store.rows import Dataset, Metric, Model, Ranks
from store.workspace import Workspace
from tests.small_shop import A, B, C, D, E, five_items

DTYPES = st.sampled_from([np.dtype(name) for name in ("<f4", ">f4", "<i4", ">i8", "bool")])


@given(arrays_of.arrays(DTYPES, arrays_of.array_shapes(max_dims=2, max_side=9, min_side=0)))
def test_arrays_come_back_whatever_their_byte_order(array: np.ndarray) -> None:
    found = unpack(*pack(array), "test")
    assert found.shape == array.shape
    assert found.dtype.newbyteorder("<") == found.dtype
    assert np.array_equal(found, array, equal_nan=array.dtype.kind == "f")


def test_bytes_that_changed_are_refused() -> None:
    dtype, shape, digest, data = pack(np.arange(4, dtype=np.int32))
    with pytest.raises(Failed, match="do not match their checksum"):
        unpack(dtype, shape, digest, data[:-1] + b"\1", "ranks")


def test_hashes_keep_their_parts_apart_and_forget_the_order_of_keys() -> None:
    assert content_hash("ab", "c") != content_hash("a", "bc")
    assert settings_hash({"a": 1, "b": [2]}) == settings_hash({"b": [2], "a": 1})
    assert settings_hash({"a": 1}) != settings_hash({"a": 2})


@settings(deadline=None)
@given(st.lists(st.text(max_size=6), unique=True, min_size=1, max_size=30), st.data())
def test_vectors_come_back_in_the_order_asked_for(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], data: st.DataObject
) -> None:
    keys = [embeddings.sentence_key(text) for text in texts]
    vectors = np.arange(3 * len(keys), dtype=np.float32).reshape(-1, 3)
    cut = data.draw(st.integers(0, len(keys)))
    asked = data.draw(st.lists(st.integers(0, len(keys) - 1), min_size=1, max_size=40))
    with Workspace(tmp_path_factory.mktemp("vectors")).write() as db:
        for part in (slice(0, cut), slice(cut, None)):
            if keys[part]:
                embeddings.add_block(db, "encoder", keys[part], vectors[part])
        index = embeddings.VectorIndex(db, "encoder")
        assert np.array_equal(index.read([keys[n] for n in asked]), vectors[asked])
        assert not embeddings.VectorIndex(db, "another").contains(keys).any()


def test_a_missing_vector_is_an_error_not_a_zero(tmp_path: Path) -> None:
    with Workspace(tmp_path).write() as db:
        embeddings.add_block(db, "encoder", [embeddings.sentence_key("a")], np.ones((1, 2), np.float32))
        index = embeddings.VectorIndex(db, "encoder")
        with pytest.raises(Failed, match="1 of 2 sentences have no stored vector"):
            index.read([embeddings.sentence_key("a"), embeddings.sentence_key("b")])


def test_a_damaged_block_of_vectors_is_named(tmp_path: Path) -> None:
    with Workspace(tmp_path).write() as db:
        key = embeddings.sentence_key("a")
        embeddings.add_block(db, "encoder", [key], np.ones((1, 2), np.float32))
        db.execute("UPDATE embedding_block SET data = zeroblob(8)")
        with pytest.raises(Failed, match="Embedding block 1 does not match its checksum"):
            embeddings.VectorIndex(db, "encoder").read([key])


def baseline(workspace: Workspace, name: str = "pop", weights: str = "w", *, replace_old: bool = False) -> Model:
    with workspace.write() as db:
        return models.put_model(
            db,
            name=name,
            kind="baseline",
            variant="pop",
            weights_hash=weights,
            code_version="test",
            replace=replace_old,
        )


def test_a_model_keeps_its_name_for_its_content(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    first = baseline(workspace)
    assert baseline(workspace) == first
    with pytest.raises(BadInput, match='already a model "pop" with other weights'):
        baseline(workspace, weights="other")
    assert baseline(workspace, weights="other", replace_old=True).weights_hash == "other"
    with workspace.read() as db:
        assert [model.weights_hash for model in models.models(db)] == ["other"]


def test_an_unknown_model_offers_the_nearest(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    baseline(workspace)
    with workspace.read() as db, pytest.raises(BadInput, match=r'No model "poop"\. Did you mean pop'):
        models.model(db, "poop")


def ranks_of(rows: int, first: int = 0, top: int = 5) -> Ranks:
    draw = np.random.default_rng(first)
    columns = {
        field.name: draw.random((rows, top) if field.name.startswith("top") else rows).astype(np.float32)
        for field in fields(Ranks)
    }
    whole = {
        name: (100 * column).astype(np.int32) for name, column in columns.items() if "score" not in name
    }  # fmt: skip
    return Ranks(**{**columns, **whole, "event": np.arange(first, first + rows, dtype=np.int32)})


METRIC = Metric("all", "all", "hr@10", "mask", 4, 3, 0.5, 0.4, 0.6, 0.5, 0.4, 0.6, 0.5, 0.5)


def started(workspace: Workspace, db: object, name: str = "pop") -> tuple[Model, Dataset, evaluations.EvaluationWriter]:
    model, dataset = models.model(db, name), datasets.dataset(db, "shop")  # type: ignore[arg-type]
    rules = {"candidates": "full catalogue", "ties": "expected"}
    key = evaluations.evaluation_key(model, dataset, Split.TEST, rules)
    writer = evaluations.EvaluationWriter(
        db, key=key, model=model, dataset=dataset, split=Split.TEST, protocol=rules, candidates=5  # type: ignore[arg-type]
    )  # fmt: skip
    return model, dataset, writer


@pytest.mark.parametrize(
    ("top", "pieces"),
    [
        (5, (10, 29_990)),  # a row takes 92 bytes: three blocks of a MiB
        (64, (4_096, 4_096)),  # 4,096 rows of 64 fill a block to the last byte
        (64, (1_000,) * 9),
    ],
)
def test_ranks_come_back_whole_by_column_and_by_event(tmp_path: Path, top: int, pieces: tuple[int, ...]) -> None:
    workspace = five_items(tmp_path)
    baseline(workspace)
    rows = sum(pieces)
    stored = ranks_of(rows, top=top)
    ends = np.cumsum(pieces).tolist()
    with workspace.write() as db:
        with started(workspace, db)[2] as writer:
            for start, end in zip([0, *ends], ends, strict=False):
                writer.add(Ranks(*(getattr(stored, field.name)[start:end] for field in fields(Ranks))))
            assert evaluations.evaluations(db) == []  # not before it is finished
            made = writer.finish([METRIC], seconds=1, device="cpu")
        assert made.n == rows
        found = evaluations.ranks(db, made)
        for field in fields(Ranks):
            column = getattr(stored, field.name)
            assert np.array_equal(getattr(found, field.name), column)
            assert np.array_equal(evaluations.rank_column(db, made, field.name), column)
        for event in (0, ends[0] - 1, ends[0], rows - 1):
            row = evaluations.rank_row(db, made, event)
            assert row is not None
            assert row.score[0] == stored.score[event]
            assert np.array_equal(row.top_items[0], stored.top_items[event])
        assert evaluations.rank_row(db, made, rows) is None
        assert [row.metric for row in evaluations.metric_rows(db, seen="mask")] == [METRIC]


def test_an_evaluation_left_unfinished_is_taken_back(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    baseline(workspace)
    with workspace.write() as db:
        with started(workspace, db)[2] as writer:
            writer.add(ranks_of(4))
        assert db.execute("SELECT count(*) FROM evaluation").fetchone()[0] == 0
        assert db.execute("SELECT count(*) FROM rank_block").fetchone()[0] == 0


def test_what_a_killed_writer_left_is_replaced_by_the_next(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    baseline(workspace)
    with workspace.write() as db:
        started(workspace, db)[2].add(ranks_of(4))  # never finished, never left
    with workspace.write() as db:
        assert evaluations.evaluations(db) == []
        with started(workspace, db)[2] as writer:
            writer.add(ranks_of(4))
            writer.finish([METRIC], seconds=1, device="cpu")
        assert db.execute("SELECT count(*) FROM evaluation").fetchone()[0] == 1
        assert db.execute("SELECT count(DISTINCT evaluation_id) FROM rank_block").fetchone()[0] == 1


def test_an_evaluation_is_found_under_all_that_decides_it(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    model = baseline(workspace)
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
    key = evaluations.evaluation_key(model, dataset, Split.TEST, {"a": 1})
    others = [
        evaluations.evaluation_key(replace(model, weights_hash="x"), dataset, Split.TEST, {"a": 1}),
        evaluations.evaluation_key(replace(model, name="x"), dataset, Split.TEST, {"a": 1}),
        evaluations.evaluation_key(model, replace(dataset, fingerprint="x"), Split.TEST, {"a": 1}),
        evaluations.evaluation_key(model, replace(dataset, name="x"), Split.TEST, {"a": 1}),
        evaluations.evaluation_key(model, dataset, Split.VALID, {"a": 1}),
        evaluations.evaluation_key(model, dataset, Split.TEST, {"a": 2}),
    ]
    assert len({key, *others}) == 7
    same = replace(model, id=99, created="later", device="other")
    assert evaluations.evaluation_key(same, dataset, Split.TEST, {"a": 1}) == key


def test_a_dataset_comes_back_as_it_was_written(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    with workspace.read() as db:
        dataset = datasets.dataset(db, "shop")
        assert (dataset.users, dataset.items, dataset.events) == (3, 5, {"train": 2, "valid": 0, "test": 4})
        assert [item.title for item in datasets.items(db, dataset.id)] == ["Lamp", "Chair", "Desk", "Pen", "Lamp"]
        events = datasets.events(db, dataset.id, Split.TEST)
        assert events.item.tolist() == [C, B, E, A]
        assert [events.history(row).tolist() for row in range(4)] == [[A, B], [A, D], [A, D, B], [B]]
        sample = datasets.events(db, dataset.id, Split.TEST, np.array([1, 3]))
        assert [sample.history(row).tolist() for row in range(2)] == [[A, D], [B]]
        items, times, last = datasets.train_interactions(db, dataset.id)
        assert items.tolist() == [A, B, A, D]
        assert times.tolist() == [10, 20, 40, 50]
        assert last.tolist() == [False, True, False, True]
        assert datasets.train_users(db, dataset.id).tolist() == [0, 1]
        assert datasets.newest_sequence(db, dataset.id, 1).items.tolist() == [A, D, B, E]
        assert [(user, found.tolist()) for user, found in datasets.newest_sequences(db, dataset.id)][2] == (2, [B, A])


def test_users_are_paged_by_key(tmp_path: Path) -> None:
    with five_items(tmp_path).read() as db:
        number = datasets.dataset(db, "shop").id
        assert datasets.users(db, number, limit=2) == [(0, "u0"), (1, "u1")]
        assert datasets.users(db, number, after="u1") == [(2, "u2")]
        assert datasets.count_users(db, number, prefix="u") == 3
        assert datasets.count_users(db, number, prefix="x") == 0
        with pytest.raises(BadInput, match=r'No user of shop "u9"\. Did you mean u'):
            datasets.user_id(db, datasets.dataset(db, "shop"), "u9")
