"""The report as one LaTeX file for pdflatex: booktabs tables over as many pages as they need."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from engine.experiments.sheet import Outcome, PointFigure, Sheet
from engine.measuring.highlighting import ALIKE
from engine.report.cells import NOTHING, Written, below, written
from engine.report.document import HOW_TO_READ, INGESTED, Listing, Report, drawn, maps, sheets
from store.plain_text import plain

PREAMBLE = r"""\documentclass[10pt,a4paper,landscape]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp,lmodern,booktabs,longtable,array}
\usepackage[margin=1.5cm]{geometry}
\usepackage[hidelinks]{hyperref}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\setlength{\tabcolsep}{4pt}
\setlength{\LTleft}{0pt}
\begin{document}
\sloppy
"""
NEEDED = r"% \usepackage[T1]{fontenc} \usepackage{textcomp,booktabs,longtable,array}"
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "–": r"\textendash{}", "—": r"\textemdash{}", "−": r"$-$", "×": r"$\times$", "≈": r"$\approx$", "±": r"$\pm$",
    "·": r"\textperiodcentered{}", "≤": r"$\leq$", "≥": r"$\geq$", "→": r"$\rightarrow$", "…": r"\ldots{}",
    "“": r"\textquotedblleft{}", "”": r"\textquotedblright{}", "‘": r"\textquoteleft{}", "’": r"\textquoteright{}",
    "\xa0": "~",
    # After a line's end a bracket or a star would be read as its option; two hyphens or commas would become one sign.
    "[": "{[}", "]": "{]}", "*": "{*}", "-": "{-}", ",": "{,}",
}  # fmt: skip
# Letters that T1 fonts have. Anything else stands as its code point: nothing is lost, and pdflatex does not stop.
_LETTERS = frozenset(map(chr, (*range(0xC0, 0xD7), *range(0xD8, 0xF7), *range(0xF8, 0x100))))
WIDE = 24  # characters of a cell from which on it is broken into lines


def latex(report: Report) -> str:
    """The whole document."""
    parts = [PREAMBLE, rf"{{\LARGE\bfseries {escaped(report.title)}}}", ""]
    parts += [rf"{escaped(report.date)} $\cdot$ {escaped(report.about)}", ""]
    parts += [r"\section*{How to read this}", *_paragraphs(HOW_TO_READ)]
    parts += [r"\section*{What contradicts the thesis}", escaped(report.compared), ""]
    if report.findings:
        items = [rf"\item {escaped(sentence)}" for sentence in report.findings]
        parts += [r"\begin{itemize}", *items, r"\end{itemize}"]
    for outcome in report.outcomes:
        parts += _outcome(report, outcome)
    for title, listings in (("Provenance", report.provenance), ("Audits", report.audits)):
        parts += [rf"\section*{{{title}}}", *(line for listing in listings for line in _listing(listing))]
    parts += [r"\section*{The commands that remake it}", escaped(INGESTED), ""]
    for command in report.commands:
        parts += [escaped(command.makes), "", _command(command.arguments), ""]
    return "\n".join([*parts, r"\end{document}", ""])


def escaped(text: str) -> str:
    """Text as LaTeX prints it, whatever is in it."""
    return "".join(_SPECIAL.get(sign) or _letter(sign) for sign in plain(text))


def _letter(sign: str) -> str:
    return sign if sign.isascii() or sign in _LETTERS else f"{{[}}U+{ord(sign):04X}{{]}}"


def _outcome(report: Report, outcome: Outcome) -> Iterator[str]:
    yield rf"\section*{{{escaped(outcome.title)}}}"
    if outcome.thesis:
        yield rf"\emph{{Thesis: {escaped(outcome.thesis)}}}" + "\n"
    for sheet in sheets(outcome):
        yield from _titled(sheet)
    for figure in maps(outcome):
        yield from _map(report, figure)
    yield from _small(outcome.notes)
    if outcome.missing:
        yield r"\subsection*{Still to be run}"
        yield from (_command(arguments) + "\n" for arguments in outcome.missing)


def table(sheet: Sheet) -> str:
    """One table alone, to be read by `\\input`, with its title and the lines below it."""
    return "\n".join([NEEDED, *_titled(sheet), ""])


def _titled(sheet: Sheet) -> Iterator[str]:
    yield rf"\subsection*{{{escaped(sheet.title)}}}"
    yield _sheet(sheet)
    yield from _small(below(sheet))


def _sheet(sheet: Sheet) -> str:
    heads, rows = written(sheet)
    counted = len(heads) > len(sheet.heads) + len(sheet.columns)
    lines = [
        [*map(escaped, row.labels), *map(_cell, row.cells), *([escaped(row.n)] if counted else [])] for row in rows
    ]
    return _table(heads, lines, "l" * len(sheet.heads) + "r" * (len(heads) - len(sheet.heads)))


def _cell(cell: Written | None) -> str:
    """A number over its small print."""
    if cell is None:
        return escaped(NOTHING)
    text = {1: rf"\textbf{{{cell.text}}}", 2: rf"\underline{{{cell.text}}}"}.get(cell.place, cell.text)
    text += escaped(ALIKE) if cell.unsure else ""
    text += rf"\textsuperscript{{{cell.mark}}}" if cell.mark else ""
    stacked = r" \\ ".join([text, *(rf"{{\tiny {escaped(part)}}}" for part in cell.small)])
    return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{stacked}\end{{tabular}}" if cell.small else text


def _map(report: Report, figure: PointFigure) -> Iterator[str]:
    yield rf"\subsection*{{{escaped(figure.title)}}}"
    yield from _small((f"A map of {drawn(figure, report.maps.get(figure.projection))}; the HTML report draws it.",))
    yield _table(("quality", "value"), [[escaped(part) for part in fact] for fact in figure.facts], "lr")
    yield from _small(figure.notes)


def _listing(listing: Listing) -> Iterator[str]:
    yield rf"\subsection*{{{escaped(listing.title)}}}"
    if not listing.rows:
        yield "None.\n"
    else:
        wide = [max(len(row[place]) for row in listing.rows) > WIDE for place in range(len(listing.heads))]
        sides = "".join(
            "r" if head in listing.right else r">{\raggedright\arraybackslash}p{3.6cm}" if broken else "l"
            for head, broken in zip(listing.heads, wide, strict=True)
        )
        yield _table(listing.heads, [[escaped(cell) for cell in row] for row in listing.rows], sides)
    yield from _small(listing.notes)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> str:
    """A table of cells that are escaped already; heads are not."""
    head = " & ".join(rf"\textbf{{{escaped(head)}}}" for head in heads)
    body = "\n".join(" & ".join(row) + r" \\ \addlinespace[1.5pt]" for row in rows)
    return "\n".join(
        [r"{\scriptsize", rf"\begin{{longtable}}{{{sides}}}", r"\toprule", head + r" \\", r"\midrule", r"\endhead",
         r"\bottomrule", r"\endfoot", body, r"\end{longtable}}"]
    )  # fmt: skip


def _command(arguments: Iterable[str]) -> str:
    return rf"\texttt{{{escaped(shlex.join(['st5', *arguments]))}}}"


def _paragraphs(texts: Iterable[str]) -> Iterator[str]:
    yield from (escaped(text) + "\n" for text in texts)


def _small(lines: Iterable[str]) -> Iterator[str]:
    yield from (rf"{{\footnotesize {escaped(line)}\par}}" for line in lines)
