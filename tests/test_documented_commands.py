"""The commands of the tour and of the table of sources are run; only their files and backbones are small ones."""

from __future__ import annotations

import gzip
import json
import shlex
from pathlib import Path

import pytest

from engine.commands.application import COMMANDS
from engine.sources import synthetic
from tests.pages import DOCS, block_commands, inline_commands
from tests.program import Program

TOUR, DATA = DOCS / "tour.md", DOCS / "data.md"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with files of the names in the table of sources, in the formats that it says."""
    _, reviews, meta = synthetic.write_shop(tmp_path, users=60, items=40, domains=1, seed=0)[0]
    for source, target in ((reviews, "All_Beauty.jsonl.gz"), (meta, "meta_All_Beauty.jsonl.gz")):
        data = source.read_bytes()
        (tmp_path / target).write_bytes(data if data[:2] == b"\x1f\x8b" else gzip.compress(data))
    lines(tmp_path / "M.jsonl", [{"parent_asin": f"i{n}", "title": f"Thing {n}"} for n in range(5)])
    head = "user_id,parent_asin,rating,timestamp,history\n"
    (tmp_path / "T.csv").write_text(head + "a,i1,5.0,1600000000000,i0\n")
    (tmp_path / "V.csv").write_text(head + "a,i2,4.0,1640000000000,i0 i1\n")
    (tmp_path / "E.csv").write_text(head + "a,i3,3.0,1660000000000,i0 i1 i2\n")
    address = {"categories": "Cafes, Food", "address": "1 Main St", "city": "Reno", "state": "NV"}
    lines(tmp_path / "business.json", [{"business_id": f"b{n}", "name": f"Cafe {n}", **address} for n in range(4)])
    visits = [{"review_id": f"r{n}", "business_id": f"b{n}", "date": f"2018-01-0{n + 1} 10:00:00"} for n in range(4)]
    lines(tmp_path / "review.json", [{"user_id": "u", "stars": 4.0, **visit} for visit in visits])
    films = tmp_path / "ml-latest-small"
    films.mkdir()
    (films / "movies.csv").write_text("movieId,title,genres\n" + rows("{n},Film {n} (1999),Drama"))
    (films / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + rows("1,{n},4.0,{time}"))
    (tmp_path / "plays.csv").write_text("user_id,item_id,timestamp\n" + rows("u,{n},{time}"))
    (tmp_path / "songs.csv").write_text("item_id,title\n" + rows("{n},Song {n}"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def rows(form: str) -> str:
    return "".join(form.format(n=n, time=10**9 + n) + "\n" for n in range(5))


def test_every_source_of_the_table_is_read(files: Path) -> None:
    st5 = Program(files / "workspace")
    shown = [words for words in inline_commands(DATA) if words[:1] == ["ingest"]]
    shown = [words for words in shown if len(words) > 2 and "--from-hub" not in words]  # the hub is out of reach
    assert {words[1] for words in shown} == {"amazon23", "yelp", "movielens", "table", "synthetic"}
    for number, words in enumerate(shown):
        succeeds(st5, words if "--name" in words else [*words, "--name", f"of-line-{number}"])


def test_every_command_of_the_tour_works(tiny_t5: Path, files: Path) -> None:
    pytest.importorskip("recbole", reason="MovieLens-100k (recbole 1.2.1) is not installed")
    st5 = Program(files / "workspace")
    succeeds(st5, ["ingest", "movielens", "--name", "ml-100k"])
    succeeds(st5, ["train", "only", "--backbone", str(tiny_t5)])
    shown = [words for words in block_commands(TOUR) if words and words != ["demo"]]  # the demo has a test of its own
    assert len(shown) >= 20
    for words in shown:
        succeeds(st5, words)
    assert (files / "ranks.csv").exists()
    assert (files / "items.npz").exists()


def succeeds(st5: Program, words: list[str]) -> None:
    done = st5(*words)
    assert done.code == 0, f"st5 {shlex.join(words)}\n{done.err}"
    assert "Traceback" not in done.err


def test_the_tour_and_the_sources_name_every_command() -> None:
    shown = {words[0] for words in (*block_commands(TOUR), *inline_commands(DATA)) if words}
    assert set(COMMANDS) <= shown


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself_with_an_example(tmp_path: Path, name: str) -> None:
    done = Program(tmp_path / "workspace")(name, "--help")
    assert done.code == 0
    summary = COMMANDS[name][1]
    assert summary.split()[:4] == done.out.split("\n\n")[1].split()[:4]
    if name != "ingest":
        assert f"Example: st5 {name}" in done.out
