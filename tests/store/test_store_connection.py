"""Short writes, readers that never wait, and many of both at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from store import dataset_writer, datasets, ui_state
from store.connection import transaction
from store.errors import BadInput, Failed
from store.workspace import Workspace
from tests.small_shop import CATEGORIES, HISTORIES, TITLES, add, five_items


def half_a_write(db: sqlite3.Connection) -> None:
    with transaction(db):
        db.execute("INSERT INTO ui_state VALUES ('a', '1')")
        raise ZeroDivisionError


def test_a_write_that_fails_leaves_no_trace_and_the_next_one_works(tmp_path: Path) -> None:
    with Workspace(tmp_path).write() as db:
        with pytest.raises(ZeroDivisionError):
            half_a_write(db)
        assert ui_state.get(db, "a") is None
        ui_state.put(db, "a", 2)
        assert ui_state.get(db, "a") == 2


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    with pytest.raises(BadInput, match="read-only"), workspace.read() as db:
        db.execute("DELETE FROM dataset")
    with workspace.read() as db:
        assert len(datasets.datasets(db)) == 1


def test_readers_see_the_last_finished_state_while_a_writer_is_writing(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    with workspace.write() as writer, transaction(writer):
        writer.execute("UPDATE dataset SET domain = 'Other'")
        with workspace.read() as db:  # were it to wait, it would fail: the writer goes on
            assert datasets.dataset(db, "shop").domain == "Things"
    with workspace.read() as db:
        assert datasets.dataset(db, "shop").domain == "Other"


def test_a_writer_beside_a_writer_waits_and_then_says_so(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    with workspace.write() as first, transaction(first):
        with pytest.raises(Failed, match="another program is writing"), workspace.write(busy_timeout=0.1) as second:
            ui_state.put(second, "a", 1)
        ui_state_row = "INSERT INTO ui_state VALUES ('a', '5')"
        first.execute(ui_state_row)
    with workspace.read() as db:
        assert ui_state.get(db, "a") == 5


def test_an_unfinished_dataset_is_invisible(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    with pytest.raises(BadInput, match="already a dataset"):
        add(workspace, "shop", TITLES, CATEGORIES, HISTORIES)
    with workspace.read() as db:
        assert [dataset.name for dataset in datasets.datasets(db)] == ["shop"]
        assert db.execute("SELECT count(*) FROM item").fetchone()[0] == 5  # the second one's rows were taken back


def test_ctrl_c_right_behind_the_first_commit_of_a_dataset_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = five_items(tmp_path)

    @contextmanager
    def interrupted(db: sqlite3.Connection) -> Iterator[None]:
        with transaction(db):
            yield
        monkeypatch.setattr(dataset_writer, "transaction", transaction)
        raise KeyboardInterrupt

    monkeypatch.setattr(dataset_writer, "transaction", interrupted)
    with pytest.raises(KeyboardInterrupt):
        add(workspace, "other", TITLES, CATEGORIES, HISTORIES)
    with workspace.read() as db:
        assert db.execute("SELECT count(*) FROM dataset").fetchone()[0] == 1


def test_foreign_keys_hold(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="FOREIGN KEY"), five_items(tmp_path).write() as db:
        db.execute("INSERT INTO item VALUES (99, 0, 'k', 't', '', '', '{}')")


WRITE = """
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
import numpy as np
from store import embeddings, ui_state
from store.workspace import Workspace
folder, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(count):
    with Workspace(folder).write() as db:
        key = embeddings.sentence_key(f"{name} {number}")
        embeddings.add_block(db, name, [key] * 400, np.full((400, 64), number, np.float32))
        ui_state.put(db, f"{name} {number}", number)
"""
READ = """
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from store import embeddings, ui_state
from store.workspace import Workspace
workspace, written = Workspace(Path(sys.argv[1])), Path(sys.argv[2])
looks = 0
while looks < 4 or not written.exists():
    with workspace.read() as db:
        for name in ("w0", "w1", "w2"):
            count = db.execute("SELECT count(*) FROM embedding_block WHERE encoder = ?", (name,)).fetchone()[0]
            if count:
                key = embeddings.sentence_key(f"{name} {count - 1}")
                assert embeddings.VectorIndex(db, name).read([key])[0, 0] == count - 1
    looks += 1
"""


def test_three_writers_and_four_readers_get_along(tmp_path: Path) -> None:
    workspace = five_items(tmp_path)
    count = 40
    written = tmp_path / "written"
    scripts = [(WRITE, f"w{n}", str(count)) for n in range(3)] + [(READ, str(written))] * 4
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path), *rest], stderr=subprocess.PIPE, text=True)
        for script, *rest in scripts
    ]
    errors = []
    for number, process in enumerate(running):
        errors.append(process.communicate()[1])
        if number == 2:
            written.touch()  # the readers may end
    assert errors == [""] * 7
    with workspace.read() as db:
        rows = db.execute("SELECT encoder, count(*), sum(rows) FROM embedding_block GROUP BY encoder").fetchall()
        assert [tuple(row) for row in rows] == [(f"w{n}", count, 400 * count) for n in range(3)]
        assert all(ui_state.get(db, f"w{n} {k}") == k for n in range(3) for k in range(count))
        assert len(datasets.datasets(db)) == 1


def test_reading_where_there_is_nothing_makes_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "none")
    with pytest.raises(BadInput, match=r"no workspace here.*st5 demo"), workspace.read():
        pass
    assert not workspace.folder.exists()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(BadInput, match="is a file, not a folder"), Workspace(tmp_path / "file").write():
        pass
    assert (tmp_path / "file").read_text() == "mine"


def test_an_empty_database_file_becomes_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "st5.db").touch()
    with Workspace(tmp_path).read() as db:
        assert datasets.datasets(db) == []
    assert isinstance(db, sqlite3.Connection)
