"""The report as one HTML file that needs nothing else: no network, no fonts, no other file."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from html import escape
from importlib.resources import files

from engine.experiments.sheet import LineFigure, Outcome, PointFigure, Sheet
from engine.measuring.highlighting import ALIKE
from engine.report.cells import NOTHING, Written, WrittenRow, below, written
from engine.report.document import HOW_TO_READ, INGESTED, Listing, Report, as_sheet, drawn, sheets
from engine.report.line_chart import line_chart
from engine.report.map_chart import map_chart
from engine.report.plot_markers import line_sign, point_sign
from store.plain_text import plain

# Nothing is loaded, whatever a browser is asked to: all that the page has is in it.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
PLACES = {1: " best", 2: " second"}


def page(report: Report) -> str:
    """The whole document."""
    chapters = [
        ("how-to-read", "How to read this", _paragraphs(HOW_TO_READ)),
        ("thesis", "What contradicts the thesis", _findings(report)),
        *((f"experiment-{slug(o.name)}", o.title, _outcome(report, o)) for o in report.outcomes),
        ("provenance", "Provenance", "".join(map(_listing, report.provenance))),
        ("audits", "Audits", "".join(map(_listing, report.audits))),
        ("commands", "The commands that remake it", _commands(report)),
    ]
    contents = "".join(f'<li><a href="#{key}">{_text(title)}</a></li>' for key, title, _ in chapters)
    sections = "".join(
        f'<section id="{key}"><h2>{_text(title)}</h2>{content}</section>\n' for key, title, content in chapters
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{_text(report.title)}</title>\n<style>\n{_asset('report.css')}</style>\n</head>\n<body>\n"
        f"<header><h1>{_text(report.title)}</h1><p>{_text(report.date)} · {_text(report.about)}</p>"
        '<button type="button" id="theme" hidden>Theme: system</button></header>\n'
        f'<nav aria-label="Contents"><ol>{contents}</ol></nav>\n<main>\n{sections}</main>\n'
        f"<script>\n{_asset('report.js')}</script>\n</body>\n</html>\n"
    )


def slug(name: str) -> str:
    """A name as an anchor or the stem of a file: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"


def _findings(report: Report) -> str:
    found = "".join(f"<li>{_text(sentence)}</li>" for sentence in report.findings)
    return f"<p>{_text(report.compared)}</p>" + (f'<ul class="findings">{found}</ul>' if found else "")


def _outcome(report: Report, outcome: Outcome) -> str:
    parts = [f'<p class="source">Thesis: {_text(outcome.thesis)}</p>'] if outcome.thesis else []
    parts += [f"<h3>{_text(sheet.title)}</h3>{_sheet(sheet)}" for sheet in sheets(outcome)]
    parts += [_curves(figure) for figure in outcome.figures if isinstance(figure, LineFigure)]
    plans = [_map(report, figure) for figure in outcome.figures if isinstance(figure, PointFigure)]
    if plans:
        parts.append(f'<div class="maps">{"".join(plans)}</div>')
    parts.append(_small(outcome.notes))
    if outcome.missing:
        lines = "\n".join(_command(arguments) for arguments in outcome.missing)
        parts.append(f"<h3>Still to be run</h3><pre>{lines}</pre>")
    return "".join(parts)


def _sheet(sheet: Sheet) -> str:
    heads, rows = written(sheet)
    labels = len(sheet.heads)
    counted = len(heads) > labels + len(sheet.columns)
    lines = [_row(row, before, counted=counted) for before, row in zip([None, *rows], rows, strict=False)]
    drawn_heads = [_head(head, number=place >= labels) for place, head in enumerate(heads)]
    return _table(drawn_heads, lines) + _small(below(sheet))


def _row(row: WrittenRow, before: WrittenRow | None, *, counted: bool) -> str:
    """A row; where it has several labels and the first is that of the row before, that is not shown again."""
    group = len(row.labels) > 1 and before is not None
    again = group and before is not None and row.labels[0] == before.labels[0]
    first, *others = map(_text, row.labels)
    label = f'<th scope="row"{_class("again" if again else "")}>{first}</th>'
    cells = "".join(f"<td>{other}</td>" for other in others) + "".join(map(_cell, row.cells))
    n = f'<td class="number n" data-value="{row.most}">{_text(row.n)}</td>' if counted else ""
    return f"<tr{_class('begins' if group and not again else '')}>{label}{cells}{n}</tr>"


def _cell(cell: Written | None) -> str:
    if cell is None:
        return f'<td class="number">{NOTHING}</td>'
    sign = f'<abbr title="not significantly different">{ALIKE}</abbr>' if cell.unsure else ""
    sign += f"<sup>{cell.mark}</sup>" if cell.mark else ""
    small = "".join(f"<small>{_text(part)}</small>" for part in cell.small)
    return (
        f'<td class="number{PLACES.get(cell.place, "")}" data-value="{float(cell.value)!r}"><span>{cell.text}</span>'
        f"<i>{sign}</i>{small}</td>"
    )


def _curves(figure: LineFigure) -> str:
    key = "".join(f"<li>{line_sign(place)}{_text(line.label)}</li>" for place, line in enumerate(figure.lines))
    banded = any(cell is not None and cell.low is not None for line in figure.lines for cell in line.cells)
    return (
        f'<figure><figcaption><h3>{_text(figure.title)}</h3></figcaption><div class="box">{line_chart(figure)}</div>'
        f'<ul class="key">{key}</ul>{_small(("Bands: 95 % intervals.",) if banded else ())}'
        f"<details><summary>The numbers of this figure</summary>{_sheet(as_sheet(figure))}</details></figure>"
    )


def _map(report: Report, figure: PointFigure) -> str:
    points = report.maps.get(figure.projection)
    picture = ""
    if points is not None:
        key = "".join(f"<li>{point_sign(place)}{_text(group)}</li>" for place, group in enumerate(points.groups))
        picture = f'{map_chart(points, figure.title)}<ul class="key">{key}</ul>'
    facts = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in figure.facts)
    return (
        f"<figure><figcaption><h3>{_text(figure.title)}</h3></figcaption>{picture}"
        f"{_small((f'{drawn(figure, points)}. The axes have no unit.', *figure.notes))}<dl>{facts}</dl></figure>"
    )


def _listing(listing: Listing) -> str:
    heads = [_head(head, number=head in listing.right) for head in listing.heads]
    right = [head in listing.right for head in listing.heads]
    rows = [
        "<tr>"
        + "".join(
            f"<td{_class('number' if is_number else '')}>{_text(cell)}</td>"
            for cell, is_number in zip(row, right, strict=True)
        )
        + "</tr>"
        for row in listing.rows
    ]
    table = _table(heads, rows) if rows else "<p>None.</p>"
    return f"<h3>{_text(listing.title)}</h3>{table}{_small(listing.notes)}"


def _commands(report: Report) -> str:
    lines = (f"<p>{_text(each.makes)}</p><pre>{_command(each.arguments)}</pre>" for each in report.commands)
    return _paragraphs((INGESTED,)) + "".join(lines)


def _command(arguments: Iterable[str]) -> str:
    return _text(shlex.join(["st5", *arguments]))


def _table(heads: list[str], rows: list[str]) -> str:
    body = "\n".join(rows)
    return (
        f'<div class="box" tabindex="0"><table><thead><tr>{"".join(heads)}</tr></thead>\n<tbody>\n{body}\n</tbody>'
        "</table></div>"
    )


def _head(text: str, *, number: bool = False) -> str:
    return (
        f'<th scope="col" aria-sort="none"{_class("number" if number else "")}>'
        f'<button type="button">{_text(text)}</button></th>'
    )


def _class(name: str) -> str:
    return f" class={name}" if name else ""


def _paragraphs(texts: Iterable[str]) -> str:
    return "".join(f"<p>{_text(text)}</p>" for text in texts)


def _small(lines: Iterable[str]) -> str:
    return "".join(f'<p class="small">{_text(line)}</p>' for line in lines)


def _text(text: str) -> str:
    """Text that no browser takes for markup; a number stays with its per cent sign."""
    return escape(plain(text)).replace(" %", "&nbsp;%")


def _asset(name: str) -> str:
    return files("engine.report").joinpath(name).read_text(encoding="utf-8")
