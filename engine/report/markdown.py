"""The report as one Markdown file: tables in GitHub's flavour, curves as tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence

from engine.experiments.sheet import Outcome, PointFigure, Sheet
from engine.measuring.highlighting import ALIKE
from engine.report.cells import NOTHING, Written, below, written
from engine.report.document import HOW_TO_READ, INGESTED, Listing, Report, drawn, maps, sheets
from store.plain_text import plain

# Entities where a backslash would not do: HTML, and what GitHub turns into a link without being asked.
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_MARKUP = re.compile(r"([\\`*_\[\]|~$])")


def markdown(report: Report) -> str:
    """The whole document."""
    lines = [f"# {escaped(report.title)}", f"{escaped(report.date)} · {escaped(report.about)}"]
    lines += ["## How to read this", *map(escaped, HOW_TO_READ)]
    lines += ["## What contradicts the thesis", escaped(report.compared)]
    lines += ["\n".join(f"- {escaped(sentence)}" for sentence in report.findings)] if report.findings else []
    for outcome in report.outcomes:
        lines += _outcome(report, outcome)
    for title, listings in (("Provenance", report.provenance), ("Audits", report.audits)):
        lines += [f"## {title}", *(line for listing in listings for line in _listing(listing))]
    lines += ["## The commands that remake it", escaped(INGESTED)]
    for command in report.commands:
        lines += [escaped(command.makes), _code([shlex.join(["st5", *command.arguments])])]
    return "\n\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text as Markdown shows it: nothing in it is markup, HTML or a link."""
    text = _MARKUP.sub(r"\\\1", plain(text).strip().translate(_ENTITIES))
    text = text.replace("://", "&#58;//").replace("www.", "www&#46;")
    text = re.sub(r"@(?=\S*\.)", "&#64;", text)
    text = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", text)  # a list
    return re.sub(r"^(#{1,6}(?:\s|$)|[-+](?:\s|$)|-+$|=+$)", r"\\\1", text)  # a heading, a list, a rule


def _outcome(report: Report, outcome: Outcome) -> Iterator[str]:
    yield f"## {escaped(outcome.title)}"
    if outcome.thesis:
        yield f"*Thesis: {escaped(outcome.thesis)}*"
    for sheet in sheets(outcome):
        yield from _titled(sheet)
    for figure in maps(outcome):
        yield from _map(report, figure)
    yield from _small(outcome.notes)
    if outcome.missing:
        yield "### Still to be run"
        yield _code(shlex.join(["st5", *arguments]) for arguments in outcome.missing)


def table(sheet: Sheet) -> str:
    """One table alone, with its title and the lines below it."""
    return "\n\n".join(_titled(sheet)) + "\n"


def _titled(sheet: Sheet) -> Iterator[str]:
    yield f"### {escaped(sheet.title)}"
    yield _sheet(sheet)
    yield from _small(below(sheet))


def _sheet(sheet: Sheet) -> str:
    heads, rows = written(sheet)
    counted = len(heads) > len(sheet.heads) + len(sheet.columns)
    lines = [
        [*map(escaped, row.labels), *map(_cell, row.cells), *([escaped(row.n)] if counted else [])] for row in rows
    ]
    return _table(heads, lines, right=range(len(sheet.heads), len(heads)))


def _cell(cell: Written | None) -> str:
    if cell is None:
        return NOTHING
    text = {1: f"**{cell.text}**", 2: f"<ins>{cell.text}</ins>"}.get(cell.place, cell.text)
    text += f" {ALIKE}" if cell.unsure else ""
    text += f"<sup>{cell.mark}</sup>" if cell.mark else ""
    return f"{text}<br><sub>{' · '.join(map(escaped, cell.small))}</sub>" if cell.small else text


def _map(report: Report, figure: PointFigure) -> Iterator[str]:
    yield f"### {escaped(figure.title)}"
    yield from _small((f"A map of {drawn(figure, report.maps.get(figure.projection))}; the HTML report draws it.",))
    yield _table(("quality", "value"), [[escaped(part) for part in fact] for fact in figure.facts], right=(1,))
    yield from _small(figure.notes)


def _listing(listing: Listing) -> Iterator[str]:
    yield f"### {escaped(listing.title)}"
    right = [place for place, head in enumerate(listing.heads) if head in listing.right]
    yield (
        _table(listing.heads, [[escaped(cell) for cell in row] for row in listing.rows], right)
        if (listing.rows)
        else "None."
    )
    yield from _small(listing.notes)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[int]) -> str:
    """A table of cells that are escaped already; heads are not."""
    sides = ["---:" if place in set(right) else "---" for place in range(len(heads))]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in ([escaped(head) for head in heads], sides, *rows))


def _small(lines: Iterable[str]) -> Iterator[str]:
    text = "<br>".join(f"<sub>{escaped(line)}</sub>" for line in lines)
    if text:
        yield text


def _code(lines: Iterable[str]) -> str:
    """Command lines as they are; indented, because no text can end such a block."""
    return "\n".join(f"    {plain(line)}" for line in lines)
