"""Mutated inputs against every command: whatever comes in, st5 ends with a code of its own and loses nothing.

A seed and a number name each case, so a failure can be run again: ST5_FUZZ_SEED=7 ST5_FUZZ_CASES=500 (`make fuzz`).
"""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from tests.program import Outcome, Program

SEED = int(os.environ.get("ST5_FUZZ_SEED", "0"))
CASES = int(os.environ.get("ST5_FUZZ_CASES", "25"))  # of each target; the suite's share takes under two minutes
CODES = (0, 1, 2, 3, 130)
PASSING = ("job", "job_event", "series", "embedding_block", "embedding_key")  # kept on purpose when work fails

EVENTS = [("u1", "i1", 1_600_000_000, 4), ("u1", "i2", 1_600_000_100, 5), ("u1", "i3", 1_600_000_200, 3),
          ("u2", "i2", 1_600_000_050, 2), ("u2", "i4", 1_600_000_150, 4), ("u2", "i1", 1_600_000_300, 5),
          ("u3", "i3", 1_600_000_010, 1), ("u3", "i4", 1_600_000_110, 4), ("u3", "i2", 1_600_000_400, 3)]  # fmt: skip
ITEMS = [("i1", "Red lamp", "A lamp, red"), ("i2", "Blue chair", "A chair"), ("i3", "Green table", "Wood; green"),
         ("i4", 'A "quoted" shelf', "Holds books")]  # fmt: skip
ODD = [b"\0", b'"', b"'", b"\\", b"\n", b"\r", b"\t", b",", b";", b"\xff", b"\xef\xbb\xbf", b"\xe9", b"{", b"[", b"]",
       b"}", b"\x1b[31m", b"-1", b"1e999", b"nan", b"null", b"99999999999999999999", b"0", b" ", b"=", b"../",
       b"#"]  # fmt: skip
WORDS = ["", " ", "-", "--", "..", "../x", "/", "a/b", "a,b", ",", "a\nb", "\x1b[31m", "é", "名", "[red]x[/red]",
         "x" * 300, "nan", "inf", "-1", "0", "1e9", "1.5", "1,5", "true", "null", "[]", "{}",
         '"', "'", "=", "a=b", "a.b=c", "%s",
         "$(id)", "only", "pop", "shop", "ndcg@10", "ndcg@0", "hr@-1", "hr@x", "*",
         "'; DROP TABLE dataset; --", "\ud800"]  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A command with files that it reads. make: writes the sound files into a folder; words: the command, `{}` stands
    for that folder; varies: which words are replaced, none for targets whose files are mutated."""

    name: str
    words: tuple[str, ...]
    make: Callable[[Path], None] = lambda folder: None
    varies: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.name


def csv_files(folder: Path, *, separator: str = ",", suffix: str = "csv", packed: bool = False) -> None:
    for name, frame in _frames().items():
        text = frame.write_csv(separator=separator).encode()
        (folder / f"{name}.{suffix}").write_bytes(gzip.compress(text, mtime=0) if packed else text)


def json_files(folder: Path) -> None:
    for name, frame in _frames().items():
        (folder / f"{name}.jsonl").write_text(frame.write_ndjson())


def parquet_files(folder: Path) -> None:
    for name, frame in _frames().items():
        stream = io.BytesIO()
        frame.write_parquet(stream)
        (folder / f"{name}.parquet").write_bytes(stream.getvalue())


def films(folder: Path) -> None:
    ratings = "".join(f"{user[1:]},{item[1:]},{rating},{time}\n" for user, item, time, rating in EVENTS)
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n" + ratings)
    movies = "".join(f'{key[1:]},"{title.replace(chr(34), chr(34) * 2)}",Comedy|Drama\n' for key, title, _ in ITEMS)
    (folder / "movies.csv").write_text("movieId,title,genres\n" + movies)


def reviews(folder: Path) -> None:
    rows = [
        {"rating": float(rating), "parent_asin": item, "user_id": user, "timestamp": time * 1000}
        for user, item, time, rating in EVENTS
    ]
    meta = [
        {"parent_asin": key, "title": title, "description": [text], "categories": ["A"]} for key, title, text in ITEMS
    ]
    _lines(folder / "reviews.jsonl", rows)
    _lines(folder / "meta.jsonl", meta)


def businesses(folder: Path) -> None:
    rows = [
        {
            "review_id": f"r{n}",
            "user_id": user,
            "business_id": item,
            "stars": rating,
            "date": f"2020-01-{n + 1:02} 10:00:00",
        }
        for n, (user, item, _, rating) in enumerate(EVENTS)
    ]
    _lines(folder / "review.json", rows)
    shops = [{"business_id": key, "name": title, "categories": text, "city": "X"} for key, title, text in ITEMS]
    _lines(folder / "business.json", shops)


def recipe(folder: Path) -> None:
    lines = ('summary = "own"', 'base = "modern"', "batch = 32", "[chains]", 'mine = ["sequence-item"]',
             "[sequence-item]", "epochs = 2", "")  # fmt: skip
    (folder / "own.toml").write_text("\n".join(lines))


def model_folder(folder: Path) -> None:
    from tests.tiny_models import make_tiny_t5

    shutil.copytree(make_tiny_t5(folder.parent / "model-source"), folder / "model")
    shutil.rmtree(folder.parent / "model-source")


TABLE = ("ingest", "table", "--name", "new", "--split", "leave-one-out")
FILES = [
    Target("csv", (*TABLE, "--events", "{}/events.csv", "--items", "{}/items.csv"), csv_files),
    Target(
        "tsv",
        (*TABLE, "--events", "{}/events.tsv", "--items", "{}/items.tsv"),
        partial(csv_files, separator="\t", suffix="tsv"),
    ),
    Target(
        "gzip",
        (*TABLE, "--events", "{}/events.csv.gz", "--items", "{}/items.csv.gz"),
        partial(csv_files, suffix="csv.gz", packed=True),
    ),
    Target("json", (*TABLE, "--events", "{}/events.jsonl", "--items", "{}/items.jsonl"), json_files),
    Target("parquet", (*TABLE, "--events", "{}/events.parquet", "--items", "{}/items.parquet"), parquet_files),
    Target("movielens", ("ingest", "movielens", "{}", "--name", "new", "--split", "leave-one-out"), films),
    Target(
        "amazon23",
        ("ingest", "amazon23", "--domain", "D", "--reviews", "{}/reviews.jsonl", "--meta", "{}/meta.jsonl", "--name",
         "new", "--split", "quantile"),
        reviews,
    ),
    Target(
        "yelp",
        ("ingest", "yelp", "--business", "{}/business.json", "--review", "{}/review.json", "--split", "quantile"),
        businesses,
    ),
    Target("recipe", ("recipes", "{}/own.toml"), recipe),
    Target("model folder", ("train", "only", "--backbone", "{}/model", "--name", "new"), model_folder),
]  # fmt: skip
COMMANDS = [
    Target("datasets", ("datasets", "shop"), varies=(1,)),
    Target("models", ("models", "pop"), varies=(1,)),
    Target("evaluate", ("evaluate", "pop", "--datasets", "shop", "--sample", "3", "--seed", "0"), varies=(1, 3, 5, 7)),
    Target("baseline", ("baseline", "pop", "--datasets", "shop", "--sample", "3"), varies=(1, 3, 5)),
    Target("tune", ("tune", "item-knn", "--datasets", "shop", "--try", "decai=0.5,0.7", "--trials", "1"),
           varies=(1, 3, 5, 7)),
    Target("results", ("results", "--metric", "ndcg@10", "--by", "all", "--dataset", "shop"), varies=(2, 4, 6)),
    Target("compare", ("results", "--compare", "pop", "bm25", "--by", "all"), varies=(2, 3, 5)),
    Target("recommend", ("recommend", "pop", "--dataset", "shop", "--user", "u1", "-k", "2"), varies=(1, 3, 5, 7)),
    Target("history", ("recommend", "bm25", "--dataset", "shop", "--history", "Red lamp"), varies=(1, 3, 5)),
    Target("ranks", ("ranks", "pop", "--dataset", "shop", "--out", "{}/ranks.csv"), varies=(1, 3, 5)),
    Target("embeddings", ("embeddings", "pop", "--dataset", "shop", "--kind", "items", "--out", "{}/v.npz"),
           varies=(1, 3, 5, 7)),
    Target("project", ("project", "pop", "--datasets", "shop", "--kind", "items", "--method", "tsne", "--set",
                       "perplexity=5"),
           varies=(1, 3, 5, 7, 9)),
    Target("doctor", ("doctor", "--json"), varies=(1,)),
    Target("job", ("jobs", "show", "1"), varies=(1, 2)),
    Target("rate", ("rate", "bias", "--datasets", "shop", "--set", "bias-penalty=5"), varies=(1, 3, 5)),
    Target("jobs", ("jobs", "list", "--json"), varies=(1,)),
    Target("recipe settings", ("recipes", "modern", "--set", "batch=32"), varies=(1, 3)),
    Target("report", ("report", "--out", "{}/report", "--format", "md"), varies=(2, 4)),
    Target("train", ("train", "nopre", "--datasets", "shop", "--set", "batch=x"), varies=(1, 3, 5)),
    Target("experiment", ("experiment", "statistics", "--datasets", "shop", "--dry-run"), varies=(1, 3)),
    Target("synthetic", ("ingest", "synthetic", "--users", "20", "--items", "10", "--domains", "1", "--name", "made"),
           varies=(3, 5, 7, 9)),
]  # fmt: skip
REFUSED_AS_IT_IS = (
    "train",
    "tune",
    "report",
    "embeddings",
    "project",
)  # their sound form needs what this workspace lacks: exit 2 in words


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with one dataset and two evaluations, never written to."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "files").mkdir()
    csv_files(folder / "files")
    program = Program(folder / "w")
    for words in (
        ("ingest", "table", "--name", "shop", "--split", "leave-one-out", "--events", folder / "files" / "events.csv",
         "--items", folder / "files" / "items.csv"),
        ("evaluate", "pop", "bm25", "--datasets", "shop"),
    ):  # fmt: skip
        done = program(*words)
        assert done.code == 0, done.err
    return folder / "w"


@pytest.fixture
def workspace(base: Path, tmp_path: Path) -> Iterator[Callable[[], Program]]:
    """Gives the workspace as it was, each time it is called."""

    def fresh() -> Program:
        shutil.rmtree(tmp_path / "w", ignore_errors=True)
        shutil.copytree(base, tmp_path / "w")
        return Program(tmp_path / "w")

    return fresh


@pytest.mark.parametrize("target", FILES, ids=str)
def test_mutated_files_end_in_words(target: Target, workspace: Callable[[], Program], tmp_path: Path) -> None:
    sound = tmp_path / "sound"
    sound.mkdir()
    target.make(sound)
    done = workspace()(*_placed(target.words, sound))
    assert done.code == 0, done.err  # the positive control
    for number in range(CASES):
        draw = random.Random(f"{target} {SEED} {number}")
        folder = tmp_path / "mutated"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(sound, folder)
        file = draw.choice(sorted(path for path in folder.rglob("*") if path.is_file()))
        file.write_bytes(mutated(file.read_bytes(), draw))
        _check(workspace(), _placed(target.words, folder), f"{target} {SEED} {number}: {file.relative_to(folder)}")


@pytest.mark.parametrize("target", COMMANDS, ids=str)
def test_odd_words_end_in_words(target: Target, workspace: Callable[[], Program], tmp_path: Path) -> None:
    done = workspace()(*_placed(target.words, tmp_path))
    assert done.code == (2 if target.name in REFUSED_AS_IT_IS else 0), done.err  # the positive control
    for number in range(CASES):
        draw = random.Random(f"{target} {SEED} {number}")
        words = list(_placed(target.words, tmp_path))
        place = draw.choice(target.varies)
        key, equals, _ = words[place].partition("=")
        word = draw.choice(WORDS)
        words[place] = f"{key}={word}" if equals and draw.random() < 0.5 else word
        _check(workspace(), words, f"{target} {SEED} {number}: {words}", cwd=tmp_path)


def mutated(content: bytes, draw: random.Random) -> bytes:
    """The content after one to three changes of the kinds that files meet: cut, lost, doubled or foreign bytes."""
    for _ in range(draw.randint(1, 3)):
        at = draw.randrange(len(content) + 1)
        until = min(len(content), at + draw.randint(1, 12))
        lines = content.splitlines(keepends=True)
        kind = draw.choice(("cut", "lose", "double", "put", "flip", "swap", "empty", "drop line"))
        if kind == "cut":
            content = content[:at]
        elif kind == "lose":
            content = content[:at] + content[until:]
        elif kind == "double":
            content = content[:until] + content[at:]
        elif kind == "put":
            content = content[:at] + draw.choice(ODD) + content[at:]
        elif kind == "flip" and at < len(content):
            content = content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
        elif kind == "swap" and len(lines) > 1:
            draw.shuffle(lines)
            content = b"".join(lines)
        elif kind == "drop line" and lines:
            del lines[draw.randrange(len(lines))]
            content = b"".join(lines)
        elif kind == "empty" and draw.random() < 0.2:
            content = b""
    return content


def _check(program: Program, words: Sequence[str], case: str, cwd: Path | None = None) -> None:
    before = _contents(program.workspace)
    with pytest.MonkeyPatch.context() as patch:
        if cwd is not None:
            patch.chdir(cwd)
        done: Outcome = program(*words)
    assert done.code in CODES, f"{case}: exit {done.code}\n{done.err}"
    assert "Traceback" not in done.err, f"{case}\n{done.err}"
    if done.code != 0:
        assert done.err.strip(), f"{case}: exit {done.code} without a word"
        assert _contents(program.workspace) == before, f"{case}: the workspace changed although it failed\n{done.err}"


def _contents(workspace: Path) -> str:
    """Everything in the store but what is kept on purpose when work fails."""
    with sqlite3.connect(f"file:{workspace / 'st5.db'}?mode=ro", uri=True) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        kept = [name for name in names if name not in PASSING and not name.startswith("sqlite_")]
        return json.dumps({name: db.execute(f"SELECT * FROM {name}").fetchall() for name in kept}, default=repr)


def _placed(words: Sequence[str], folder: Path) -> tuple[str, ...]:
    return tuple(word.replace("{}", str(folder)) for word in words)


def _frames() -> dict[str, pl.DataFrame]:
    return {
        "events": pl.DataFrame(EVENTS, schema=["user_id", "item_id", "timestamp", "rating"], orient="row"),
        "items": pl.DataFrame(ITEMS, schema=["item_id", "title", "description"], orient="row"),
    }


def _lines(path: Path, rows: Sequence[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
