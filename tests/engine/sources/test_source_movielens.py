"""MovieLens in every layout."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from engine.sources import movielens, table
from engine.sources.source_data import SourceData
from store.errors import BadInput

RATINGS = [("1", "31", 1_260_759_144_000, 2.5), ("2", "31", 881_250_949_000, 3.0)]


def titles(raw: SourceData) -> list[tuple[str, str, str]]:
    return [row[:2] + row[3:4] for row in raw.items.collect().rows()]


def test_latest(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n2,31,3.0,881250949\n")
    (tmp_path / "movies.csv").write_text(
        'movieId,title,genres\n11,"American President, The (1995)",Comedy|Drama\n31,Amélie (2001),(no genres listed)\n'
    )
    raw = movielens.read(tmp_path)
    assert raw.interactions.collect().rows() == RATINGS
    assert titles(raw) == [("11", "The American President (1995)", "Comedy|Drama"), ("31", "Amélie (2001)", None)]
    assert raw.items.collect()["fields"].to_list() == ['{"genres":"Comedy, Drama"}', None]
    assert (raw.platform, raw.timed, raw.settings["layout"]) == ("movielens", True, "csv")


def test_latest_with_compressed_files(tmp_path: Path) -> None:
    ratings = b"userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n2,31,3.0,881250949\n"
    (tmp_path / "ratings.csv.gz").write_bytes(gzip.compress(ratings))
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n31,A,B\n")
    assert movielens.read(tmp_path).interactions.collect().rows() == RATINGS


def test_one_million_in_latin_1(tmp_path: Path) -> None:
    (tmp_path / "ratings.dat").write_text("1::31::2.5::1260759144\n2::31::3::881250949\n")
    (tmp_path / "movies.dat").write_bytes(
        '31::Misérables, Les (1995)::Drama|Musical\n9::A: "B"::War\n'.encode("latin-1")
    )
    raw = movielens.read(tmp_path)
    assert raw.interactions.collect().rows() == RATINGS
    assert titles(raw) == [("31", "Les Misérables (1995)", "Drama|Musical"), ("9", 'A: "B"', "War")]


def test_hundred_thousand(tmp_path: Path) -> None:
    (tmp_path / "u.data").write_text("1\t31\t2.5\t1260759144\n2\t31\t3\t881250949\n")
    flags = ["0"] * 19
    flags[1] = flags[16] = "1"
    unknown = ["1"] + ["0"] * 18
    lines = [
        ["31", "Cité, La (1995)", "01-Jan-1995", "", "http://x", *flags],
        ["267", "unknown", "", "", "", *unknown],
    ]
    (tmp_path / "u.item").write_bytes("".join("|".join(line) + "\n" for line in lines).encode("latin-1"))
    raw = movielens.read(tmp_path)
    assert raw.interactions.collect().rows() == RATINGS
    assert titles(raw) == [("31", "La Cité (1995)", "Action|Thriller"), ("267", "unknown", None)]


def test_atomic_files(tmp_path: Path) -> None:
    (tmp_path / "ml.inter").write_text(
        "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t31\t2.5\t1260759144\n2\t31\t3\t881250949.0\n"
    )
    (tmp_path / "ml.item").write_text(
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "31\tPostman, The\t1994\tDrama Romance\n"
        "7\tunknown\t\tunknown\n"
    )
    raw = movielens.read(tmp_path)
    assert raw.interactions.collect().rows() == RATINGS
    assert titles(raw) == [("31", "The Postman (1994)", "Drama|Romance"), ("7", "unknown", None)]


def test_atomic_files_without_ratings_and_without_times(tmp_path: Path) -> None:
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\ttimestamp:float\nu\ti\t1.5E+09\n")
    (tmp_path / "x.item").write_text('item_id:token\ttitle:token_seq\ni\t"Heroes\n')
    raw = movielens.read(tmp_path)
    assert raw.interactions.collect().rows() == [("u", "i", 1_500_000_000_000, None)]
    assert titles(raw) == [("i", '"Heroes', None)]
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\nu\ti\nv\ti\n")
    raw = movielens.read(tmp_path)
    assert raw.interactions.collect().rows() == [("u", "i", 0, None), ("v", "i", 1, None)]
    assert not raw.timed


def test_atomic_items_with_other_columns_name_the_command_that_reads_them(tmp_path: Path) -> None:
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\nu\ti\n")
    (tmp_path / "x.item").write_text("item_id:token\theadline:token_seq\ni\tNews\n")
    with pytest.raises(BadInput) as error:
        movielens.read(tmp_path)
    assert f"st5 ingest table --events {tmp_path}/x.inter --items {tmp_path}/x.item" in str(error.value)
    raw = table.read(tmp_path / "x.inter", tmp_path / "x.item", table.Columns(title="headline"))
    assert raw.items.collect()["title"].to_list() == ["News"]


@pytest.mark.parametrize(
    ("written", "order"),
    [("1500000000123", 1_500_000_000_123), ("2017-07-14 02:40:00", 1_500_000_000_000)],
)
def test_ratings_may_have_milliseconds_or_dates(tmp_path: Path, written: str, order: int) -> None:
    (tmp_path / "ratings.csv").write_text(f"userId,movieId,rating,timestamp\n1,31,2.5,{written}\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n31,A,B\n")
    assert movielens.read(tmp_path).interactions.collect()["order"].to_list() == [order]


@pytest.mark.parametrize(
    ("filed", "read"),
    [
        ("American President, The (1995)", "The American President (1995)"),
        ("Few Good Men, A (1992)", "A Few Good Men (1992)"),
        ("Affair to Remember, An (1957)", "An Affair to Remember (1957)"),
        ("Avventura, L' (Adventure, The) (1960)", "L'Avventura (The Adventure) (1960)"),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            "The City of Lost Children (La Cité des enfants perdus) (1995)",
        ),
        (
            "Gate of Heavenly Peace, The (a.k.a. Gate, The) (1995)",
            "The Gate of Heavenly Peace (a.k.a. The Gate) (1995)",
        ),
        ("Crouching Tiger, Hidden Dragon (2000)", "Crouching Tiger, Hidden Dragon (2000)"),
        ("Seven (a.k.a. Se7en) (1995)", "Seven (a.k.a. Se7en) (1995)"),
        ("I, The Jury (1982)", "I, The Jury (1982)"),
        ("The The", "The The"),
    ],
)
def test_a_trailing_article_moves_to_the_front(tmp_path: Path, filed: str, read: str) -> None:
    (tmp_path / "ratings.dat").write_text("1::31::2.5::1260759144\n")
    (tmp_path / "movies.dat").write_text(f"31::{filed}::Drama\n")
    assert movielens.read(tmp_path).items.collect()["title"].to_list() == [read]


def test_a_folder_without_movielens_says_what_is_expected(tmp_path: Path) -> None:
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "ratings.dat").write_text("")
    with pytest.raises(BadInput, match=r"no MovieLens files.*Did you mean .*ml-1m"):
        movielens.read(tmp_path)
    with pytest.raises(BadInput, match=r"movies.dat: no such file beside ratings.dat"):
        movielens.read(tmp_path / "ml-1m")
    with pytest.raises(BadInput, match=r"no such folder"):
        movielens.read(tmp_path / "absent")


def test_a_header_with_other_names_offers_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "ratings.csv").write_text("userid,movieId,rating,timestamp\n1,31,2.5,1260759144\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n31,A,B\n")
    with pytest.raises(BadInput, match=r'ratings.csv: No column "userId". Did you mean userid'):
        movielens.read(tmp_path)


def test_the_embedded_folder() -> None:
    pytest.importorskip("importlib.util").find_spec("recbole") or pytest.skip("recbole is not installed")
    raw = movielens.read(movielens.embedded_folder())
    interactions, items = raw.interactions.collect(), raw.items.collect()
    assert (interactions.height, interactions["user"].n_unique(), items.height) == (100_000, 943, 1682)
    assert items["title"][0] == "Toy Story (1995)"
    assert items["category"][0] == "Animation|Children's|Comedy"
    assert "The American President (1995)" in items["title"].to_list()
    assert interactions.row(0) == ("196", "242", 881_250_949_000, 3.0)
