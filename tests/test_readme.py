"""Every command that the README shows is run; only its files and its backbone are small ones."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from engine.commands.application import COMMANDS
from tests.program import Program

README = Path(__file__).resolve().parents[1] / "README.md"


def commands() -> list[list[str]]:
    """All `st5 …` lines of the code blocks and tables, without comments."""
    text = README.read_text()
    blocks = [line for block in re.findall(r"```\n(.*?)```", text, re.S) for line in block.splitlines()]
    cells = re.findall(r"\| `(st5 [^`]+)` \|", text)
    lines = [line for line in [*blocks, *cells] if line.startswith("st5 ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def needs_more_than_this_machine(arguments: list[str]) -> bool:
    """The demo has a test of its own; the hub and T5's weights are out of reach."""
    return arguments[:1] in ([], ["demo"]) or bool({"--from-hub", "st5-only", "blair"} & set(arguments))


def small_files(folder: Path) -> None:
    """Files of the names that the README uses, in the formats that it says."""
    import gzip

    from engine.sources import synthetic

    _, reviews, meta = synthetic.write_shop(folder, users=60, items=40, domains=1, seed=0)[0]
    for source, target in ((reviews, "All_Beauty.jsonl.gz"), (meta, "meta_All_Beauty.jsonl.gz")):
        data = source.read_bytes()
        (folder / target).write_bytes(data if data[:2] == b"\x1f\x8b" else gzip.compress(data))
    (folder / "M.jsonl").write_text(
        "".join(json.dumps({"parent_asin": f"i{n}", "title": f"Thing {n}"}) + "\n" for n in range(5))
    )
    for name, rows in (
        ("T", "a,i1,5.0,1600000000000,i0\n"),
        ("V", "a,i2,4.0,1640000000000,i0 i1\n"),
        ("E", "a,i3,3.0,1660000000000,i0 i1 i2\n"),
    ):
        (folder / f"{name}.csv").write_text("user_id,parent_asin,rating,timestamp,history\n" + rows)
    (folder / "business.json").write_text(
        "".join(
            json.dumps(
                {
                    "business_id": f"b{n}",
                    "name": f"Cafe {n}",
                    "categories": "Cafes, Food",
                    "address": "1 Main St",
                    "city": "Reno",
                    "state": "NV",
                }
            )
            + "\n"
            for n in range(4)
        )
    )
    (folder / "review.json").write_text(
        "".join(
            json.dumps(
                {
                    "review_id": f"r{n}",
                    "user_id": "u",
                    "business_id": f"b{n}",
                    "stars": 4.0,
                    "date": f"2018-01-0{n + 1} 10:00:00",
                }
            )
            + "\n"
            for n in range(4)
        )
    )
    films = folder / "ml-latest-small"
    films.mkdir()
    (films / "movies.csv").write_text(
        "movieId,title,genres\n" + "".join(f"{n},Film {n} (1999),Drama\n" for n in range(5))
    )
    (films / "ratings.csv").write_text(
        "userId,movieId,rating,timestamp\n" + "".join(f"1,{n},4.0,{10**9 + n}\n" for n in range(5))
    )


def test_every_command_of_the_readme_works(tiny_t5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("recbole", reason="MovieLens-100k (recbole 1.2.1) is not installed")
    small_files(tmp_path)
    monkeypatch.chdir(tmp_path)
    st5 = Program(tmp_path / "workspace")
    for prepared in (
        ["ingest", "movielens", "--name", "ml-100k"],
        ["train", "only", "--backbone", str(tiny_t5)],
        ["evaluate", "only", "pop", "--datasets", "ml-100k", "--sample", "1000"],
    ):
        done = st5(*prepared)
        assert done.code == 0, done.err
    shown = [arguments for arguments in commands() if not needs_more_than_this_machine(arguments)]
    assert len(shown) >= 15
    for arguments in shown:
        if arguments[:2] == ["ingest", "table"]:  # the README's E.csv is a benchmark file further up
            (tmp_path / "E.csv").write_text(
                "user_id,item_id,timestamp\n" + "".join(f"u,{n},{10**12 + n}\n" for n in range(5))
            )
            (tmp_path / "I.csv").write_text("item_id,title\n" + "".join(f"{n},Song {n}\n" for n in range(5)))
        if arguments[0] == "ingest" and "--name" not in arguments:
            arguments = [*arguments, "--name", f"of-line-{shown.index(arguments)}"]
        done = st5(*arguments)
        assert done.code == 0, f"st5 {shlex.join(arguments)}\n{done.err}"
        assert "Traceback" not in done.err
    assert (tmp_path / "ranks.csv").exists()
    assert (tmp_path / "items.npz").exists()


def test_the_readme_names_every_command() -> None:
    shown = {arguments[0] for arguments in commands() if arguments}
    assert set(COMMANDS) <= shown


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_explains_itself_with_an_example(tmp_path: Path, name: str) -> None:
    done = Program(tmp_path / "workspace")(name, "--help")
    assert done.code == 0
    summary = COMMANDS[name][1]
    assert summary.split()[:4] == done.out.split("\n\n")[1].split()[:4]
    if name != "ingest":
        assert f"Example: st5 {name}" in done.out
