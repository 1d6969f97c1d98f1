"""CSV and its relatives: the parser agrees with Python's csv for any file and any block size."""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sources import delimited
from engine.sources.line_stats import LineStats
from store.errors import BadInput


def rows(
    path: Path, block_bytes: int = 1 << 24, **options: object
) -> tuple[list[tuple[str, ...]], list[str], LineStats]:
    stats = LineStats(path, "rows")
    found: list[tuple[str, ...]] = []
    locations: list[str] = []
    for part in delimited.read(path, stats, names="abc", wanted="abc", block_bytes=block_bytes, **options):  # type: ignore[arg-type]
        found += part.frame.rows()
        locations += [part.location(row) for row in range(part.frame.height)]
    return found, locations, stats


def test_fields_are_text_and_empty_ones_are_not_null(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b'a,b,c\r\n007,5.0,\r\n"x, y","say ""hi""",-1\r\n')
    assert rows(path)[0] == [("007", "5.0", ""), ("x, y", 'say "hi"', "-1")]


def test_lines_with_more_or_fewer_fields_are_broken(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    good = [f"{i},x,y" for i in range(300)]
    path.write_text("\n".join(["a,b,c", *good[:9], "1,2", *good[9:50], "1,2,3,4", *good[50:]]))
    found, locations, stats = rows(path)
    assert [row[0] for row in found] == [str(i) for i in range(300)]
    assert locations[8:10] == ["line 10", "line 12"]
    dropped: Counter[str] = Counter()
    stats.finish(dropped)
    assert dropped == {"broken line in rows": 2}


def test_too_many_broken_lines_name_the_first(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b,c\n1,2,3\n1,2\n1,2,3\n")
    stats = rows(path)[2]
    with pytest.raises(BadInput, match=r"x.csv line 3: 2 fields where 3 are expected. .* 1 of 3 lines"):
        stats.finish(Counter())


def test_a_quote_that_is_never_closed_is_text_and_swallows_no_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b,c\n1,2,3\n4,5,"six\n7,8,9\n10,11,12\n')
    assert rows(path)[0] == [("1", "2", "3"), ("4", "5", '"six'), ("7", "8", "9"), ("10", "11", "12")]
    path.write_text('a,b,c\n1,2,3\n4,"5,6\n7,8,9\n' + "1,2,3\n" * 200)
    found, _, stats = rows(path)  # 4,"5,6 has three fields, whatever the quote was meant to do
    assert (len(found), stats.lines, stats.broken) == (203, 203, 0)
    path.write_text('a,b,c\n1,"two, 2, 3\n')
    stats = rows(path)[2]
    with pytest.raises(BadInput, match=r"line 2: 2 fields where 3 are expected, and a double quote is opened"):
        stats.finish(Counter())


def test_inch_marks_are_text(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b,c\n1,5" pipe,x\n2,5" by 7" frame,"y\nz"\n')
    assert rows(path)[0] == [("1", '5" pipe', "x"), ("2", '5" by 7" frame', "y\nz")]


def test_line_numbers_count_line_ends_inside_quotes(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('a,b,c\n1,"p\nq\nr",x\n2,s,y\n')
    assert rows(path)[1] == ["line 2", "line 5"]


def test_a_separator_of_two_characters(tmp_path: Path) -> None:
    path = tmp_path / "x.dat"
    path.write_bytes('1::Amélie: the film::Comedy\n2::"Quoted"::Drama\n'.encode("latin-1"))
    found = rows(path, skip=0, separator="::", quoted=False, encoding="latin-1")[0]
    assert found == [("1", "Amélie: the film", "Comedy"), ("2", '"Quoted"', "Drama")]


def test_a_field_of_a_hundred_thousand_characters_and_more(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    long = "long title " * 50_000
    path.write_text(f'a,b,c\n1,"{long}",x\n1,2\n' + "1,2,3\n" * 200)
    assert rows(path)[0][0] == ("1", long, "x")


UNQUOTED = [("i1", "Film 1"), ("i2", '"Film 2'), ("i3", "Film 3"), ("i4", '"Film 4'), ("i5", '"Film" 5'),
            ("i6", 'Film "6"'), ("i7", '7" disc')]  # fmt: skip


@pytest.mark.parametrize("separator", ["\t", "|", ",", ";", "::"])
def test_stray_quotes_are_text_and_join_no_lines(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text("".join(f"{key}{separator}{title}\n" for key, title in [("a", "b"), *UNQUOTED]))
    stats = LineStats(path, "rows")
    (part,) = delimited.read(path, stats, names="ab", wanted="ab", separator=separator)
    assert part.frame.rows() == UNQUOTED
    assert (stats.lines, stats.broken) == (7, 0)
    assert [part.location(row) for row in (0, 6)] == ["line 2", "line 8"]


def test_one_stray_quote_in_a_file_of_several_blocks_costs_no_line(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    lines = [f"i{n}\tFilm {n}" for n in range(400_000)]
    lines[1000] = 'i1000\t"Film 1000'
    path.write_text("a\tb\n" + "\n".join(lines) + "\n")
    stats = LineStats(path, "rows")
    parts = list(delimited.read(path, stats, names="ab", wanted="ab", separator="\t", block_bytes=1 << 18))
    assert [row for part in parts for row in part.frame.rows()] == [tuple(line.split("\t")) for line in lines]


def test_a_quote_after_a_backslash_is_a_quote(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"  # as Book-Crossing writes it
    path.write_text(
        '"a";"b";"c"\n"1";"The Real \\"J. P.\\"; Through Life";"x"\n"2";"\\"A\\"";""\n4;A \\"q\\" b;c\n"3";"C:\\";"y"\n'
    )
    assert rows(path, separator=";")[0] == [
        ("1", 'The Real "J. P."; Through Life', "x"),
        ("2", '"A"', ""),
        ("4", 'A "q" b', "c"),
        ("3", "C:\\", "y"),
    ]


@pytest.mark.parametrize(
    "content",
    [b"a,b,c\r1,2,3\r4,5,6\r", b"a,b,c\r\n1,2,3\r\n4,5,6", b"a,b,c\n1,2,3\r\n4,5,6\n", b"a,b,c\n1,2,3\r4,5,6\n",
     b"a,b,c\r1,2,3\n4,5,6\r\n", b'a,b,c\r"1","2",3\r4,5,"6"\r'],
)  # fmt: skip
def test_every_line_end_ends_a_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    found, _, stats = rows(path)
    assert (found, stats.lines) == ([("1", "2", "3"), ("4", "5", "6")], 2)


def test_any_number_of_blanks_separates(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("a b   c\n 1   2 3 \n4\t5  6\n7 8\n")
    found, _, stats = rows(path, separator=" ")
    assert found == [("1", "2", "3"), ("4", "5", "6")]
    assert (stats.lines, stats.broken) == (3, 1)


FIELDS = st.sampled_from(["a", "", '"q"', '"a,b"', '"x\ny"', '5" p', '5" x 7" y', '"d""q"', ' "sp"', "é", " "])
RECORDS = st.lists(st.lists(FIELDS, min_size=2, max_size=4).map(",".join) | st.just(""), min_size=1, max_size=12)


@settings(max_examples=200, deadline=None)
@given(records=RECORDS, end=st.sampled_from(["", "\n", "\r\n", "\n\n"]))
def test_any_file_reads_as_with_pythons_csv(
    tmp_path_factory: pytest.TempPathFactory, records: list[str], end: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    body = "\n".join(records) + end
    path.write_bytes(f"a,b,c\n{body}".encode())
    expected = [r for r in csv.reader(io.StringIO(body, newline="")) if r and (len(r) > 1 or r[0].strip())]
    found, _, stats = rows(path)
    assert found == [tuple(r) for r in expected if len(r) == 3]
    assert (stats.lines, stats.broken) == (len(expected), sum(len(r) != 3 for r in expected))


WELL_FORMED = st.lists(st.tuples(*[st.text('ab,"\n é', max_size=5)] * 3), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(records=WELL_FORMED, block_bytes=st.integers(1, 200))
def test_well_formed_files_round_trip_for_any_block_size(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str, str]], block_bytes: int
) -> None:
    path = tmp_path_factory.mktemp("csv") / "x.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
        writer.writerows([("a", "b", "c"), *records])
    assert rows(path, block_bytes)[0] == records
