"""A workspace that cannot be used: one message, an exit code, and all that was there before is there after."""

from __future__ import annotations

import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.migrations import VERSION
from tests.program import Outcome, Program, refusal
from tests.small_shop import five_items, many

WRITING = ("evaluate", "pop-recent", "--datasets", "shop")
READING = (
    ("results", "--json"),
    ("datasets", "--json"),
    ("models", "--json"),
    ("recommend", "pop", "--dataset", "shop", "--user", "u0", "--json"),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "w"
    five_items(folder)
    assert Program(folder)("evaluate", "pop", "--datasets", "shop").code == 0
    return folder


@pytest.fixture
def workspace(whole: Path, tmp_path: Path) -> Path:
    """A copy of a workspace with one dataset and one evaluation, in a folder that everybody may enter."""
    return Path(shutil.copytree(whole, tmp_path / "w"))


def contents(folder: Path) -> list[object]:
    return [Program(folder)(name, "--json").document for name in ("results", "datasets", "models")]


def process(workspace: Path, *arguments: str, before: tuple[str, ...] = (), **options: object) -> Outcome:
    """The program in a process of its own, so that user, limits and disk can be those of the test."""
    with tempfile.TemporaryDirectory(prefix="st5-home-") as home:
        os.chmod(home, 0o777)  # the user of the test may have none
        done = subprocess.run(
            [*before, sys.executable, "-c", "from engine.commands import main; main()", *arguments],
            capture_output=True, text=True, check=False, timeout=120,
            env=dict(os.environ, ST5_WORKSPACE=str(workspace), NUMBA_CACHE_DIR=home, HOME=home), **options,  # type: ignore[call-overload]
        )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_a_newer_workspace(workspace: Path) -> None:
    with sqlite3.connect(workspace / "st5.db") as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
    db.close()
    before = (workspace / "st5.db").read_bytes()
    for arguments in (*READING, WRITING):
        failed = Program(workspace)(*arguments)
        assert f"version {VERSION + 1}" in refusal(failed)
        assert failed.code == 2
    assert (workspace / "st5.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"garbage " * 4096, b"SQLite format 3\0" + b"\7" * 50_000, b"\0" * 100])
def test_a_file_that_is_no_database(workspace: Path, content: bytes) -> None:
    (workspace / "st5.db").write_bytes(content)
    for arguments in (*READING, WRITING):
        failed = Program(workspace)(*arguments)
        assert "--workspace" in refusal(failed)
        assert failed.code == 2
    assert (workspace / "st5.db").read_bytes() == content


def test_a_database_of_another_program(workspace: Path) -> None:
    (workspace / "st5.db").unlink()
    with sqlite3.connect(workspace / "st5.db") as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    db.close()
    for arguments in (*READING, WRITING):
        assert "not a workspace of st5" in refusal(Program(workspace)(*arguments))


def test_garbage_in_the_middle_is_a_message_or_no_matter(workspace: Path, tmp_path: Path) -> None:
    original = (workspace / "st5.db").read_bytes()
    draw = random.Random(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(original)
        start = draw.randrange(100, len(damaged) - 3000)
        damaged[start : start + 3000] = draw.randbytes(3000)
        (workspace / "st5.db").write_bytes(damaged)
        for arguments in (*READING, WRITING, ("doctor", "--json")):
            outcome = Program(workspace)(*arguments)
            assert "Traceback" not in outcome.err
            if outcome.code:
                assert refusal(outcome)
                refused += 1
        for leftover in workspace.glob("st5.db-*"):
            leftover.unlink()
    assert refused > 20


def test_a_damaged_list_of_vectors_or_ranks_is_noticed(workspace: Path) -> None:
    with sqlite3.connect(workspace / "st5.db") as db:
        db.execute("UPDATE rank_block SET data = zeroblob(length(data)) WHERE name = 'better'")
    db.close()
    failed = Program(workspace)("ranks", "pop", "--dataset", "shop", "--out", str(workspace / "x.csv"))
    assert "do not match their checksum" in refusal(failed)
    assert not (workspace / "x.csv").exists()


def test_a_file_in_the_place_of_the_folder(tmp_path: Path, tiny_t5: Path) -> None:
    (tmp_path / "file").write_text("mine")
    train = ("train", "only", "--backbone", str(tiny_t5))
    for arguments in (*READING, train, ("ingest", "synthetic", "--users", "5", "--items", "5")):
        failed = Program(tmp_path / "file")(*arguments)
        assert failed.code == 2
        assert refusal(failed)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_in_the_place_of_the_database(tmp_path: Path) -> None:
    (tmp_path / "st5.db").mkdir()
    for arguments in READING:
        assert refusal(Program(tmp_path)(*arguments))


HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def test_locked_by_another_writer(workspace: Path) -> None:
    before = contents(workspace)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(workspace / "st5.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        assert contents(workspace) == before  # a reader that waited would fail: the writer goes on holding it
        failed = Program(workspace)(*WRITING)
        assert "another program is writing" in refusal(failed)
        assert failed.code == 1
    finally:
        holder.kill()
        holder.communicate()
    assert contents(workspace) == before
    assert Program(workspace)(*WRITING).code == 0


@dataclass(frozen=True)
class ReadOnly:
    """A workspace that may be read and not written by who runs a command `as_user`."""

    workspace: Path
    as_user: tuple[str, ...]

    def __call__(self, *arguments: str, workspace: Path | None = None) -> Outcome:
        return process(workspace or self.workspace, *arguments, before=self.as_user)


@pytest.fixture
def read_only(whole: Path) -> Iterator[ReadOnly]:
    as_user: tuple[str, ...] = ()
    if os.geteuid() == 0:  # who may write whatever the modes are
        as_user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        if shutil.which(as_user[0]) is None:
            pytest.skip("root may write everywhere, and setpriv is not here to become somebody else")
    top = Path(tempfile.mkdtemp(prefix="st5-read-only-"))  # pytest's own folders are closed to other users
    workspace = Path(shutil.copytree(whole, top / "w"))
    for path in (workspace, *workspace.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    top.chmod(0o555)
    try:
        command = [*as_user, sys.executable, "-c", "import engine, typer"]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("another user cannot run the program from here")
        yield ReadOnly(workspace, as_user)
    finally:
        for path in (top, workspace, *(path for path in workspace.rglob("*") if path.is_dir())):
            path.chmod(0o755)
        shutil.rmtree(top)


def test_a_read_only_workspace_can_be_read_and_says_why_it_cannot_be_written(read_only: ReadOnly) -> None:
    before = (read_only.workspace / "st5.db").read_bytes()
    for arguments in READING[:3]:
        shown = read_only(*arguments)
        assert (shown.code, shown.err) == (0, "")
        assert len(shown.document) > 0
    for arguments in (WRITING, ("ingest", "synthetic", "--users", "40", "--items", "20")):
        failed = read_only(*arguments)
        assert "read-only" in refusal(failed) or "cannot be made" in refusal(failed)
        assert failed.code == 2
    assert read_only("doctor", "--json").code == 0
    assert (read_only.workspace / "st5.db").read_bytes() == before


def test_a_workspace_where_nothing_may_be_made(read_only: ReadOnly) -> None:
    elsewhere = read_only.workspace / "deeper" / "w"
    failed = read_only("ingest", "synthetic", "--users", "40", "--items", "20", workspace=elsewhere)
    assert failed.code == 2
    assert "cannot be made" in refusal(failed)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no disk of its own for this test: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk(small_disk: Path, whole: Path, tmp_path: Path, tiny_t5: Path) -> None:
    workspace = Path(shutil.copytree(whole, small_disk / "w"))
    before = contents(workspace)
    (small_disk / "filler").write_bytes(b"\1" * (shutil.disk_usage(small_disk).free - 150_000))
    shop = tmp_path / "items.csv"
    shop.write_text("item_id,title\n" + "".join(f"{n},{'long title ' * 20}{n}\n" for n in range(3000)))
    events = tmp_path / "events.csv"
    events.write_text("user_id,item_id,position\n" + "".join(f"{n // 3},{n % 3000},{n % 3}\n" for n in range(9000)))
    large = ("ingest", "table", "--events", str(events), "--items", str(shop), "--name", "large")
    for arguments in (large, ("train", "only", "--backbone", str(tiny_t5), "--name", "tiny")):
        failed = Program(workspace)(*arguments)
        assert failed.code == 1, failed
        assert "full" in refusal(failed) or "space" in refusal(failed)
        assert contents(workspace) == before
    with sqlite3.connect(workspace / "st5.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    db.close()
    (small_disk / "filler").unlink()
    assert Program(workspace)("train", "only", "--backbone", str(tiny_t5), "--name", "tiny").code == 0


def test_a_disk_that_fails_to_write(workspace: Path) -> None:
    before = contents(workspace)

    def limit() -> None:  # files of more than 300 kB cannot be written: the disk says EFBIG instead of ENOSPC
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    failed = process(workspace, "ingest", "synthetic", "--users", "2000", "--items", "500", preexec_fn=limit)
    assert failed.code == 1
    assert refusal(failed)
    assert contents(workspace) == before


def test_an_output_file_on_a_full_disk_is_not_left_half_written(
    small_disk: Path, workspace: Path, tiny_t5: Path
) -> None:
    program = Program(workspace)
    many(workspace, users=5, items=3000, name="wide")
    assert program("train", "only", "--backbone", tiny_t5, "--name", "tiny").code == 0
    (small_disk / "filler").write_bytes(b"\1" * (shutil.disk_usage(small_disk).free - 50_000))
    failed = program("embeddings", "tiny", "--dataset", "wide", "--kind", "items", "--out", small_disk / "items.npz")
    assert failed.code == 1
    assert "No space left" in refusal(failed)
    assert [path.name for path in small_disk.iterdir()] == ["filler"]
