"""Maps from request to store: what is drawn, encoded, kept, found again, refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.models import make_only
from engine.progress import Observer
from engine.projection.method import Method, PointKind
from engine.projection.project import project
from engine.projection.request import ProjectionRequest
from engine.text.sentences import HistoryFormat
from engine.text_format import TextFormat
from store import datasets
from store.errors import BadInput, Cancelled, Failed
from store.projections import points, projection, projections
from store.rows import Points, Projection
from store.workspace import Workspace
from tests.small_shop import TITLES, five_items, many

REQUEST = ProjectionRequest(
    "tiny", ("shop", "stall"), PointKind.ITEMS, Method.TSNE, sample=12, overrides=("iterations=250",), device="cpu",
    precision="fp32",
)  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, tiny_t5: Path) -> Workspace:
    """A shop of 40 items and 20 users, a stall of 5 items and 3 users, and a text model that has read neither."""
    folder = tmp_path_factory.mktemp("map")
    workspace = many(folder, users=20, items=40)
    five_items(folder, "stall")
    make_only(workspace, name="tiny", backbone=str(tiny_t5), device="cpu", precision="fp32")
    return workspace


@pytest.fixture
def workspace(shop: Workspace, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(shop.folder, tmp_path / "w")))


def mapped(workspace: Workspace, request: ProjectionRequest = REQUEST) -> tuple[Projection, Points]:
    found = project(workspace, request, Observer())
    with workspace.read() as db:
        return found, points(db, found)


def encoded(workspace: Workspace) -> int:
    """How many sentences have a vector."""
    with workspace.read() as db:
        return int(db.execute("SELECT ifnull(sum(rows), 0) FROM embedding_block").fetchone()[0])


def test_items_are_drawn_evenly_and_only_they_are_encoded(workspace: Workspace) -> None:
    found, at = mapped(workspace)
    assert (found.n, found.datasets, found.model) == (12, ("shop", "stall"), "tiny")
    assert found.parameters["sample"] == {"shop": 7, "stall": 5}  # the stall has no more
    assert at.dataset.tolist() == [0] * 7 + [1] * 5
    assert len(set(at.row[:7].tolist())) == 7
    assert set(at.row[:7].tolist()) <= set(range(40))
    assert at.row[7:].tolist() == [0, 1, 2, 3, 4]
    assert encoded(workspace) == 11  # two of the stall's items are called Lamp
    assert at.place.shape == (12, 2)
    assert np.isfinite(at.place).all()


def test_neighbours_are_other_points_and_a_copy_comes_first(workspace: Workspace) -> None:
    _, at = mapped(workspace)
    assert at.neighbours.shape == (12, 15)
    assert (at.neighbours[:, 11:] == -1).all()  # there are eleven others
    for point, row in enumerate(at.neighbours[:, :11].tolist()):
        assert sorted([*row, point]) == list(range(12))
    first, copy = 7, 11  # both are a Lamp
    assert TITLES[0] == TITLES[4]
    assert (at.neighbours[first, 0], at.neighbours[copy, 0]) == (copy, first)


def test_users_are_their_newest_histories(workspace: Workspace) -> None:
    found, at = mapped(workspace, replace(REQUEST, kind=PointKind.USERS))
    assert found.parameters["sample"] == {"shop": 9, "stall": 3}
    assert at.row[9:].tolist() == [0, 1, 2]
    assert encoded(workspace) == 12  # histories, and no item
    assert not [name for name in found.quality if name.startswith("category")]


def test_asked_twice_it_is_done_once_whatever_the_order_of_datasets(workspace: Workspace) -> None:
    first, _ = mapped(workspace)
    assert project(workspace, replace(REQUEST, datasets=("stall", "shop", "stall")), Observer()) == first
    assert project(workspace, replace(REQUEST, precision="auto"), Observer()) == first
    others = [
        replace(REQUEST, seed=1),
        replace(REQUEST, sample=11),
        replace(REQUEST, overrides=("iterations=251",)),
        replace(REQUEST, datasets=("shop",)),
        replace(REQUEST, text_format=TextFormat(HistoryFormat.UNSTRUCTURED)),
    ]
    ids = [project(workspace, other, Observer()).id for other in others]
    with workspace.read() as db:
        assert [found.id for found in projections(db)] == [first.id, *ids]
        assert projection(db, first.id) == first
    assert len(set(ids)) == 5


def test_the_same_request_gives_the_same_map_anew(workspace: Workspace, shop: Workspace, tmp_path: Path) -> None:
    again = Workspace(Path(shutil.copytree(shop.folder, tmp_path / "again")))
    (one, here), (other, there) = mapped(workspace), mapped(again)
    assert one.quality == other.quality
    assert one.key == other.key
    for name in ("dataset", "row", "place", "neighbours"):
        assert np.array_equal(getattr(here, name), getattr(there, name))


def test_quality_numbers_know_their_labels(workspace: Workspace) -> None:
    both = mapped(workspace)[0].quality
    assert both["neighbours"] == 5
    assert both["of"] == 12
    assert both["purity_chance"] == pytest.approx((7 * 6 + 5 * 4) / (12 * 11))
    assert all(-1 <= both[name] <= 1 for name in ("silhouette", "silhouette_map", "trustworthiness"))
    assert both["category_n"] == 11  # the desk has two categories
    alone = mapped(workspace, replace(REQUEST, datasets=("shop",)))[0].quality
    assert alone["silhouette"] is None
    assert alone["purity"] is None
    assert 0 <= alone["trustworthiness"] <= 1


@pytest.mark.parametrize("stage", ["finding neighbours", "laying out by tsne", "measuring", "storing"])
def test_when_it_is_cancelled_between_stages_nothing_half_done_is_seen(workspace: Workspace, stage: str) -> None:
    stages: list[str] = []
    wanted = ["finding neighbours", "laying out by tsne", "measuring", "storing"]

    def stop() -> bool:
        done = [name for name in stages if name in wanted]
        return wanted[len(done)] == stage

    observer = Observer(progress=lambda name, done, total: stages.append(name), stop=stop)
    with pytest.raises(Cancelled):
        project(workspace, REQUEST, observer)
    with workspace.read() as db:
        assert projections(db) == []
    assert encoded(workspace) == 11  # vectors are kept
    assert mapped(workspace)[0].n == 12


def test_a_map_of_a_dataset_that_was_replaced_is_not_shown(workspace: Workspace) -> None:
    mapped(workspace, replace(REQUEST, datasets=("shop",)))
    found, _ = mapped(workspace)
    with workspace.write() as db:
        db.execute("UPDATE dataset SET fingerprint = 'of other files' WHERE name = 'stall'")
        assert [other.datasets for other in projections(db)] == [("shop",)]
        with pytest.raises(BadInput, match=f'No projection "{found.id}"'):
            projection(db, found.id)
    assert project(workspace, REQUEST, Observer()).id != found.id


def test_when_a_stored_block_is_damaged(workspace: Workspace) -> None:
    found, _ = mapped(workspace)
    with workspace.write() as db:
        db.execute("UPDATE projection_block SET data = zeroblob(length(data)) WHERE name = 'place'")
        with pytest.raises(Failed, match=f"points of projection {found.id}"):
            points(db, found)


def test_what_a_model_leaves_its_maps_leave_too(workspace: Workspace) -> None:
    mapped(workspace)
    with workspace.write() as db:
        db.execute("DELETE FROM model")
        assert projections(db) == []
        assert db.execute("SELECT count(*) FROM projection_block").fetchone()[0] == 0
        assert len(datasets.datasets(db)) == 2
