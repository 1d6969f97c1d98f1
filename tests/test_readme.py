"""The README stays short and true: every command that it shows runs, on a made-up log of plays."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.pages import README, block_commands
from tests.program import Program

LARGEST = 7_000  # bytes
SONGS = ("Paint It Black", "Angie", "Blackbird", "Yesterday", "Help!", "Gimme Shelter", "Let It Be", "Ruby Tuesday")
DAY_S = 86_400


def plays(folder: Path) -> None:
    """`plays.csv` and `songs.csv` with the columns that the README names: 40 users, 8 songs."""
    songs = "".join(f'{number},"{title}"\n' for number, title in enumerate(SONGS))
    (folder / "songs.csv").write_text("item_id,title\n" + songs)
    rows = [
        f"u{user},{(user * 3 + step) % len(SONGS)},{1_600_000_000 + DAY_S * (step * 40 + user)}"
        for user in range(40)
        for step in range(6)
    ]
    (folder / "plays.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows, ""]))


def test_it_is_short() -> None:
    assert README.stat().st_size <= LARGEST


def test_its_commands_work_from_the_first_to_the_last(
    tiny_t5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plays(tmp_path)
    monkeypatch.chdir(tmp_path)
    st5 = Program(tmp_path / "workspace")
    assert st5("train", "only", "--backbone", tiny_t5).code == 0  # in place of the embedded encoder
    shown = block_commands(README)
    assert len(shown) == 8
    for words in shown:
        done = st5(*words)
        assert done.code == 0, f"st5 {shlex.join(words)}\n{done.err}"
        assert "Traceback" not in done.err
