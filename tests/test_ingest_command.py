"""`st5 ingest` and `st5 datasets` as a person meets them: results, bad input, interruption."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.commands import main
from tests.interruptible import default_signals
from tests.waiting import wait_for

EVENTS = [("u", "a", 1), ("u", "b", 2), ("u", "c", 3), ("v", "b", 1), ("v", "c", 2), ("w", "a", 1)]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Outcome]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return tmp_path / "workspace"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], workspace: Path) -> Command:
    """The program within this process, which starts faster than a new one."""
    monkeypatch.setenv("ST5_WORKSPACE", str(workspace))

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["st5", *map(str, arguments)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return run


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A table of events and one of items."""
    folder = tmp_path / "files"
    folder.mkdir()
    write_events(folder / "events.csv", EVENTS)
    lines = ["item_id,title,description", "a,Alpha &amp; Omega,<b>first</b>", "b,Beta,", "c,Gamma,third"]
    (folder / "items.csv").write_text("\n".join(lines) + "\n")
    return folder


def write_events(path: Path, events: list[tuple[str, str, int]]) -> None:
    path.write_text("user_id,item_id,position\n" + "".join(f"{u},{i},{p}\n" for u, i, p in events))


def table(folder: Path, name: str = "shop", events: str = "events.csv", items: str = "items.csv") -> list[str | Path]:
    return ["ingest", "table", "--events", folder / events, "--items", folder / items, "--name", name]


def test_a_table_is_stored_and_shown(call: Command, files: Path) -> None:
    made = call(*table(files))
    assert made.code == 0
    assert "shop: 3 × event with an empty history" in made.err
    (shown,) = call("datasets", "shop", "--json").document
    assert shown["events"] == {"train": 0, "valid": 1, "test": 2}
    assert (shown["users"], shown["items"], shown["interactions"]) == (3, 3, 6)
    assert shown["dropped"] == {"event with an empty history": 3}
    assert {"name", "platform", "domain", "split", "fingerprint", "synthetic", "audit", "created", "source"} <= set(
        shown
    )
    full = call("datasets", "shop").out
    for words in ("leaks across users", "Alpha & Omega", shown["fingerprint"], "event with an empty history"):
        assert words in full
    assert "shop" in call("datasets").out


def test_again_it_is_already_there(call: Command, files: Path) -> None:
    first = call(*table(files), "--json").document
    again = call(*table(files), "--json")
    assert again.document == first
    assert "already there" in again.err


def test_another_column_is_another_request(call: Command, files: Path) -> None:
    assert call(*table(files)).code == 0
    refused = call(*table(files), "--title", "description")
    assert refused.code == 2
    assert "--replace" in refused.err
    assert call(*table(files), "--title", "description", "--replace").code == 0


def test_compressed_files_give_the_same_fingerprint(call: Command, files: Path) -> None:
    for name in ("events.csv", "items.csv"):
        (files / f"{name}.gz").write_bytes(gzip.compress((files / name).read_bytes()))
    plain = call(*table(files), "--domain", "D", "--json").document
    packed = call(*table(files, "packed", "events.csv.gz", "items.csv.gz"), "--domain", "D", "--json").document
    assert packed[0]["fingerprint"] == plain[0]["fingerprint"]


def test_synthetic_shops_are_labelled_everywhere(call: Command) -> None:
    made = call("ingest", "synthetic", "--users", "60", "--items", "30", "--domains", "2", "--json").document
    assert [d["name"] for d in made] == ["synthetic-Cameras", "synthetic-Games"]
    assert all(d["synthetic"] and d["platform"] == "synthetic" and d["split"] == "timestamp" for d in made)
    listed = call("datasets")
    assert all(line.split()[-1] == "synthetic" for line in listed.out.splitlines() if "synthetic-" in line)
    assert "synthetic: generated, not real data" in listed.err
    assert "synthetic: generated, not real data" in call("datasets", "synthetic-Games").out
    (alone,) = call(
        "ingest", "synthetic", "--users", "60", "--items", "30", "--domains", "1", "--name", "x", "--json"
    ).document
    assert alone["name"] == "x"
    assert alone["fingerprint"] == made[0]["fingerprint"]


def test_amazon_reviews_and_benchmark(call: Command, tmp_path: Path) -> None:
    meta = tmp_path / "meta.jsonl"
    meta.write_text("".join(json.dumps({"parent_asin": key, "title": f"T {key}"}) + "\n" for key in "abc"))
    reviews = tmp_path / "reviews.jsonl"
    lines = [
        {"user_id": "u", "parent_asin": key, "timestamp": 1628643414041 + n, "rating": 5.0}
        for n, key in enumerate("abc")
    ]
    reviews.write_text("".join(json.dumps(line) + "\n" for line in lines))
    raw = call(
        "ingest", "amazon23", "--domain", "D", "--reviews", reviews, "--meta", meta, "--json", "--split", "timestamp"
    )
    assert raw.document[0]["events"] == {"train": 0, "valid": 2, "test": 0}
    assert "no events in train and test" in raw.err
    assert "so nothing can be trained or evaluated on it. Ingest it with another --split" in raw.err
    rows = {"train": "u,b,5.0,1500000002,a", "valid": "u,c,4.0,1500000003,a b", "test": "v,a,1.0,1500000009,b"}
    for split, row in rows.items():
        (tmp_path / f"{split}.csv").write_text(row + "\n")
    paths = [part for split in ("train", "valid", "test") for part in (f"--{split}", tmp_path / f"{split}.csv")]
    given = call("ingest", "amazon23", "--domain", "D", *paths, "--meta", meta, "--name", "B", "--json").document[0]
    assert (given["split"], given["events"]) == ("given", {"train": 1, "valid": 1, "test": 1})
    folder = tmp_path / "hub"
    for split in ("train", "valid", "test"):
        place = folder / "benchmark/0core/timestamp_w_his" / f"D.{split}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((tmp_path / f"{split}.csv").read_bytes())
    (folder / "raw/meta_categories").mkdir(parents=True)
    (folder / "raw/meta_categories/meta_D.jsonl").write_bytes(meta.read_bytes())
    hub = call("ingest", "amazon23", "--domain", "D", "--from-hub", "--source", folder, "--name", "H", "--json")
    assert hub.document[0]["fingerprint"] == given["fingerprint"]


def test_reviews_from_before_the_public_dates_are_divided_at_quantiles(call: Command, tmp_path: Path) -> None:
    meta, reviews = tmp_path / "meta.jsonl", tmp_path / "reviews.jsonl"
    keys = [f"p{n}" for n in range(21)]
    meta.write_text("".join(json.dumps({"parent_asin": key, "title": f"T {key}"}) + "\n" for key in keys))
    lines = [{"user_id": "u", "parent_asin": key, "timestamp": 1_500_000_000 + n} for n, key in enumerate(keys)]
    reviews.write_text("".join(json.dumps(line) + "\n" for line in lines))
    source: list[str | Path] = ["ingest", "amazon23", "--domain", "D", "--reviews", reviews, "--meta", meta]
    made = call(*source, "--json")
    (shown,) = made.document
    assert shown["events"] == {"train": 16, "valid": 2, "test": 2}  # of 20: the first review has an empty history
    assert shown["split"] == "quantile"
    assert "quantiles, because the public dates leave no events for valid and test" in made.err
    assert "the public dates leave no events for valid and test" in call("datasets", "D").out
    assert "already there" in call(*source).err
    given = call(
        *source, "--split", "timestamp", "--t1", "1500000016000", "--t2", "1500000020000", "--replace", "--json"
    )
    assert given.document[0]["events"] == {"train": 15, "valid": 4, "test": 1}
    assert "quantiles" not in given.err


def test_fractions_of_a_second_decide_the_order(call: Command, files: Path, workspace: Path) -> None:
    """The orders of the two files differ, and so do the times, by a microsecond and by a nanosecond."""
    moments = {"a": "1500000000.000001", "b": "1500000000.000002", "c": "1500000000.000003"}
    finest = {"a": "1500000000000000001", "b": "1500000000000000002", "c": "1500000000000000003"}
    for name, times in (("micro", moments), ("nano", finest)):
        rows = [f"u,{key},{times[key]}" for key in "bca"]
        (files / "events.csv").write_text("user_id,item_id,timestamp\n" + "\n".join(rows) + "\n")
        assert call(*table(files, name), "--split", "leave-one-out").code == 0
        with sqlite3.connect(workspace / "st5.db") as db:
            (found,) = db.execute(
                "SELECT sequence.items, timestamps FROM sequence JOIN dataset ON id = dataset_id WHERE name = ?",
                (name,),
            ).fetchall()
        assert list(memoryview(found[0]).cast("i")) == [0, 1, 2]
        assert list(memoryview(found[1]).cast("q")) == [1_500_000_000_000] * 3


def test_what_was_taken_for_what_is_said(call: Command, files: Path) -> None:
    (files / "items.csv").write_text("item_id,title,genres,price\na,Alpha,Pop,1\nb,Beta,Rock,2\nc,Gamma,Rock,2\n")
    made = call(*table(files))
    assert "shop: items.csv: the column genres is taken as the category" in made.err
    assert "shop: items.csv: not read: price." in made.err


def test_yelp(call: Command, tmp_path: Path) -> None:
    business, review = tmp_path / "business.json", tmp_path / "review.json"
    places = [{"business_id": k, "name": f"Cafe {k}", "categories": "Cafes, Food", "city": "Rome"} for k in "ab"]
    business.write_text("".join(json.dumps(place) + "\n" for place in places))
    visits = [
        {"user_id": "u", "business_id": k, "stars": 4.0, "date": f"2020-01-0{n + 1} 10:00:00"}
        for n, k in enumerate("ab")
    ]
    review.write_text("".join(json.dumps(visit) + "\n" for visit in visits))
    (made,) = call("ingest", "yelp", "--business", business, "--review", review, "--json").document
    assert (made["name"], made["platform"], made["items"]) == ("Yelp", "yelp", 2)
    assert sum(made["events"].values()) == 1


def test_movielens(call: Command, tmp_path: Path) -> None:
    folder = tmp_path / "ml-tiny"
    folder.mkdir()
    (folder / "movies.csv").write_text(
        'movieId,title,genres\n1,"Matrix, The (1999)",Action|Sci-Fi\n2,Heat (1995),Crime\n'
    )
    (folder / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,2,5.0,964982800\n")
    (made,) = call("ingest", "movielens", folder, "--split", "leave-one-out", "--json").document
    assert (made["name"], made["events"]) == ("ml-tiny", {"train": 0, "valid": 0, "test": 1})


def damage(folder: Path, kind: str) -> None:
    events, items = folder / "events.csv", folder / "items.csv"
    good = events.read_bytes()
    if kind == "truncated gzip":
        # random keys, so that the file is long enough to be cut
        events.write_bytes(gzip.compress(good + os.urandom(4000).hex().encode())[:-800])
    elif kind == "nul":
        events.write_bytes(good.replace(b"v,b", b"v\0,b"))
    elif kind == "encoding":
        items.write_bytes(items.read_bytes().replace(b"Beta", b"B\xe9ta"))
    elif kind == "empty":
        events.write_bytes(b"")
    elif kind == "header":
        events.write_bytes(good.splitlines()[0] + b"\n")
    elif kind == "columns":
        events.write_bytes(good.replace(b"user_id", b"user_idd"))
    elif kind == "no events":
        events.write_text("user_id,item_id,position\nu,a,1\nv,b,1\n")
    elif kind == "other keys":
        events.write_text("user_id,item_id,position\nu,7,1\nu,8,2\n")
    elif kind == "missing":
        events.unlink()
    elif kind == "folder":
        events.unlink()
        events.mkdir()


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("truncated gzip", ["events.csv", "gzip"]),
        ("nul", ["events.csv line 5", "NUL"]),
        ("encoding", ["items.csv line 3", "UTF-8"]),
        ("empty", ["events.csv", "empty"]),
        ("header", ["events.csv", "no rows"]),
        ("columns", ["user_id", "user_idd"]),
        ("no events", ["0 events left of 2", "2 × event with an empty history"]),
        ("other keys", ["0 events left of 2", "2 × interaction with an item without metadata"]),
        ("missing", ["events.csv", "no such file"]),
        ("folder", ["events.csv", "folder"]),
    ],
)
def test_bad_files_get_one_message_and_change_nothing(
    call: Command, files: Path, workspace: Path, kind: str, words: list[str]
) -> None:
    damage(files, kind)
    failed = call(*table(files))
    assert failed.code == 2
    assert failed.out == ""
    assert failed.err.startswith("st5: ")
    assert failed.err.count("\n") == 1
    assert "Traceback" not in failed.err
    for word in words:
        assert word in failed.err
    assert not workspace.exists()


def test_bad_files_leave_a_workspace_as_it_was(call: Command, files: Path, workspace: Path) -> None:
    call(*table(files))
    before = call("datasets", "--json").document
    damage(files, "columns")
    assert call(*table(files, "other")).code == 2
    assert call(*table(files), "--replace").code == 2
    assert call("datasets", "--json").document == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--split", "timestamp", "--t1", "1", "--t2", "2"], "no timestamps"),
        (["--split", "quantile"], "no timestamps"),
        (["--split", "given"], "--split given"),
        (["--t1", "5"], "belong to --split timestamp"),
        (["--caps", "1,2"], "TRAIN,VALID,TEST"),
        (["--caps", "1,x,3"], "TRAIN,VALID,TEST"),
        (["--text", "latin"], "ascii"),
        (["--name", "a/b"], "cannot be the name"),
        (["--title", "titel"], "title"),
        (["--timestamp-format", "isso"], "iso"),
        (["--ties", "shuffle"], "--ties shuffle: this data has positions and no times"),
        (["--ties", "strict"], "--ties strict: this data has positions and no times"),
    ],
)
def test_bad_options_get_one_message(
    call: Command, files: Path, workspace: Path, options: list[str], words: str
) -> None:
    failed = call(*table(files), *options)
    assert failed.code == 2
    assert failed.err.startswith("st5: ")
    assert words in failed.err
    assert not workspace.exists()


def test_an_unknown_policy_names_those_that_are_there(call: Command, files: Path, workspace: Path) -> None:
    refused = call(*table(files), "--ties", "random")
    assert refused.code == 2
    for words in ("--ties", "random", "shuffle", "file", "strict"):
        assert words in refused.err
    assert not workspace.exists()


def test_the_order_is_the_first_that_is_said_and_shown_in_full(call: Command, files: Path) -> None:
    days = ["2020-01-01", "2020-01-01", "2020-01-02"]
    rows = [f"u{user},{item},{day}" for user in range(20) for item, day in zip("abc", days, strict=True)]
    (files / "events.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]) + "\n")
    made = call(*table(files), "--split", "leave-one-out")
    assert made.err.splitlines()[0] == "shop: order: 100% of valid targets share their time with the event before"
    full = call("datasets", "shop").out
    for words in (
        "shuffle: by a hash of user key, item key and seed 0",
        "cut to the day; the median user spans 1.0 days",
        "20 of 40 (50.0%) neighbouring events share a time; the largest block has 2",
        "20 of 20 (100.0%) valid targets and 0 of 20 (0.0%) test targets share their time with the event before",
        "ties are stored in key order: 20 of 20; --ties took that order away",
    ):
        assert words in full
    (shown,) = call("datasets", "shop", "--json").document
    assert (shown["ties"], shown["tie_seed"], shown["order"]["passes"]) == ("shuffle", 0, False)
    assert shown["order"]["verdict"] in made.err
    assert shown["audit"]["order"]["tied"] == 20


@pytest.mark.parametrize("share", ["0", "0.3"])
def test_synthetic_events_share_a_time_only_where_asked(call: Command, share: str) -> None:
    shop = ("ingest", "synthetic", "--users", "300", "--items", "60", "--domains", "1", "--tied-share", share)
    (made,) = call(*shop, "--json").document
    order = made["audit"]["order"]
    if share == "0":
        assert order["tied"] == 0
    else:  # of those that follow in the file: events left out between two others break their block
        assert order["tied"] / order["neighbours"] == pytest.approx(float(share), abs=0.1)
    refused = call(*shop[:-1], "1.5", "--name", "other")
    assert refused.code == 2
    assert "--tied-share 1.5: a share from 0 to 1 is needed" in refused.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["amazon23", "--domain", "D"],
        ["amazon23", "--domain", "D", "--reviews", "r"],
        ["amazon23", "--domain", "D", "--train", "t", "--meta", "m"],
        ["amazon23", "--domain", "D", "--from-hub", "--meta", "m"],
        ["synthetic", "--users", "0"],
        ["movielens", "nowhere"],
        ["yelp", "--business", "nowhere", "--review", "nowhere"],
    ],
)
def test_incomplete_commands_get_one_message(call: Command, workspace: Path, arguments: list[str]) -> None:
    failed = call("ingest", *arguments)
    assert failed.code == 2
    assert failed.err.startswith("st5: ")
    assert "Traceback" not in failed.err
    assert not workspace.exists()


def test_broken_dates_name_their_line(call: Command, files: Path) -> None:
    write = "user_id,item_id,timestamp\nu,a,2023-01-02\nu,b,2023-12-01\n"
    (files / "events.csv").write_text(write)
    failed = call(*table(files), "--timestamp-format", "ms")
    assert failed.code == 2
    assert 'events.csv line 2: timestamp "2023-01-02" is a date, not a number of milliseconds.' in failed.err
    assert "--timestamp-format auto or iso" in failed.err
    assert call(*table(files), "--timestamp-format", "%Y-%m-%d").code == 0


@pytest.mark.parametrize("source", ["amazon23", "yelp", "movielens", "table"])
def test_every_source_with_times_has_the_option_that_its_messages_name(call: Command, source: str) -> None:
    assert "--timestamp-format" in call("ingest", source, "--help").out
    arguments = {
        "amazon23": ["--domain", "D", "--reviews", "r", "--meta", "m"],
        "yelp": ["--business", "b", "--review", "r"],
        "movielens": ["folder"],
        "table": ["--events", "e", "--items", "i", "--name", "n"],
    }[source]
    failed = call("ingest", source, *arguments, "--timestamp-format", "isso")
    assert failed.code == 2
    assert 'No timestamp format "isso". Did you mean iso' in failed.err


def test_an_unknown_dataset_offers_the_nearest(call: Command, files: Path) -> None:
    call(*table(files))
    failed = call("datasets", "shpo")
    assert failed.code == 2
    assert "Did you mean shop?" in failed.err


def test_help_has_an_example_for_each_source(call: Command) -> None:
    for command in ("amazon23", "yelp", "movielens", "table", "synthetic"):
        assert f"st5 ingest {command}" in " ".join(call("ingest", command, "--help").out.split())


TABLES = ("industrial_scientific_2018", "beauty_2014", "video_games_2018", "books_2014")
REAL = {  # users, items, interactions kept, events dropped for an empty history
    "industrial_scientific_2018": (8_317, 4_344, 58_492, 8_317),
    "beauty_2014": (22_363, 12_094, 198_371, 22_363),  # seven titles are empty
    "video_games_2018": (50_546, 16_859, 440_264, 50_546),
    "books_2014": (37_535, 23_170, 66_542, 37_535),
    "all_beauty_2023": (253, 356, 2_535, 253),
    "gift_cards_2018": (458, 1_547, 2_965, 458),
    "ml_latest_small": (610, 9_742, 100_836, 610),
}


@pytest.mark.real
@pytest.mark.parametrize("name", REAL)
def test_real_datasets_are_stored_whole(call: Command, real_data: Path, name: str) -> None:
    folder = real_data / name
    if name in TABLES:
        source: list[str | Path] = table(folder, name, "interactions.csv.gz", "items.jsonl.gz")
    elif name == "all_beauty_2023":
        parts = [[f"--{split}", folder / f"All_Beauty.{split}.csv.gz"] for split in ("train", "valid", "test")]
        source = ["ingest", "amazon23", "--domain", "All_Beauty", "--meta", folder / "meta_All_Beauty.jsonl.gz"]
        source += [argument for part in parts for argument in part]
    elif name == "gift_cards_2018":
        source = ["ingest", "amazon23", "--domain", "Gift_Cards", "--split", "quantile"]
        source += ["--reviews", folder / "Gift_Cards.jsonl.gz", "--meta", folder / "meta_Gift_Cards.jsonl.gz"]
    else:
        source = ["ingest", "movielens", folder]
    (made,) = call(*source, "--json").document
    empty = made["dropped"]["event with an empty history"]
    assert (made["users"], made["items"], made["interactions"], empty) == REAL[name]
    assert sum(made["events"].values()) == made["interactions"] - empty
    if made["split"] != "leave-one-out":
        assert all(made["events"].values())


SHOP = ("ingest", "synthetic", "--users", "40000", "--items", "400", "--domains", "1", "--name", "large")


def start(workspace: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", "from engine.commands import main; main()", *SHOP],
        env=dict(os.environ, ST5_WORKSPACE=str(workspace), TMPDIR=str(workspace.parent)),  # killed, it leaves files
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=default_signals,
    )


def wait_until_writing(workspace: Path, process: subprocess.Popen[str], events: int) -> None:
    """Return when the unfinished dataset has at least so many events, or the process has ended before that."""

    def writing() -> bool:
        query = "SELECT (SELECT count(*) FROM event WHERE dataset_id = id) FROM dataset WHERE state = 'writing'"
        try:
            with closing(sqlite3.connect(f"file:{workspace}/st5.db?mode=ro", uri=True)) as db:
                found = db.execute(query).fetchone()
        except sqlite3.Error:  # the process is at it
            return False
        return found is not None and found[0] >= events

    wait_for(lambda: writing() or process.poll() is not None, f"a dataset with {events} events in writing")


def test_killed_at_any_moment_the_workspace_is_whole(call: Command, files: Path, workspace: Path) -> None:
    call(*table(files))
    before = call("datasets", "--json").document
    untouched = shutil.copytree(workspace, workspace.parent / "untouched")
    for events in (None, 0, 1, 40_000):  # at its start, as the dataset is begun, in the midst of its events
        for _ in range(5):
            process = start(workspace)
            if events is not None:
                wait_until_writing(workspace, process, events)
            process.kill()
            process.communicate()
            if process.returncode != 0:
                break
            shutil.rmtree(workspace)  # it was quicker than the kill: once more
            shutil.copytree(untouched, workspace)
        assert process.returncode == -signal.SIGKILL
        assert call("datasets", "--json").document == before
        with sqlite3.connect(workspace / "st5.db") as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (made,) = call(*SHOP, "--json").document
    (reference,) = call("--workspace", workspace.parent / "fresh", *SHOP, "--json").document
    assert made["fingerprint"] == reference["fingerprint"]
    assert made["events"] == reference["events"]
    with sqlite3.connect(workspace / "st5.db") as db:
        assert db.execute("SELECT count(*) FROM dataset").fetchone() == (2,)


def test_interrupted_it_says_so_and_leaves_nothing(call: Command, files: Path, workspace: Path) -> None:
    call(*table(files))
    before = call("datasets", "--json").document
    process = start(workspace)
    wait_until_writing(workspace, process, 0)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert call("datasets", "--json").document == before
    with sqlite3.connect(workspace / "st5.db") as db:
        assert db.execute("SELECT count(*) FROM dataset").fetchone() == (1,)
