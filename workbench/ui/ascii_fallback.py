"""Plain ASCII for terminals whose locale has no other signs: every line is translated just before it is drawn."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

SIGNS = ("auto", "unicode", "ascii")

_OWN = {
    **dict.fromkeys("─━═╌╍┄┅┈┉▔▁⎯", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋▏▎▕▍", "|"),
    **dict.fromkeys("·∙⋅", "."),
    "…": "~",  # a cut stays visible
    **dict.fromkeys("●◉⬤•", "*"),
    **dict.fromkeys("○◌◯", "o"),
    **dict.fromkeys("▲△↑⬆▴", "^"),
    **dict.fromkeys("▼▽↓⬇▾", "v"),
    **dict.fromkeys("»→▶▸►❯›", ">"),
    **dict.fromkeys("«←◀◂◄❮‹", "<"),
    **dict.fromkeys("–—‐‑−", "-"),
    **dict.fromkeys("“”„", '"'),
    **dict.fromkeys("‘’‚", "'"),
    "≈": "=",
    **dict.fromkeys("×✕✗✘", "x"),
    **dict.fromkeys("✓✔", "v"),
    **dict.fromkeys("★☆", "*"),
    **dict.fromkeys("░", ":"),
    **dict.fromkeys("▒", "%"),
    **dict.fromkeys("▓█▉▊▋▇▆▅▄▃▂▀▌▐■▪◆", "#"),
    "¹": "*",  # marks follow numbers, so none is a digit or a part of a number
    "²": "+",
    "†": "!",
    "β": "b",
    "η": "n",
    "δ": "d",
    "°": "'",
}
_TWO_CELLS = {"≥": ">=", "≤": "<=", "≠": "!=", "±": "+-"}  # the blank after them gives its cell
_WITH_BLANK = re.compile(f"([{''.join(_TWO_CELLS)}]) ")
_DENSITY = " .:-=+*%#"  # by the number of raised dots, 0 to 8


def wants_ascii(environment: Mapping[str, str]) -> bool:
    """Whether the locale has another encoding than UTF-8. No locale at all, as in containers, is taken for UTF-8."""
    locale = next((environment[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if environment.get(name)), "utf-8")
    return "utf8" not in locale.lower().replace("-", "")


@lru_cache(maxsize=4096)
def plain_sign(sign: str) -> str:
    """ASCII that takes as many cells as a sign: a likeness if there is one, else question marks.

    Only letters are likened by their decomposition: that of `≯` is `>`, and that of `⁵` a digit.
    """
    if sign.isascii():
        return sign
    code = ord(sign)
    if 0x2800 <= code <= 0x28FF:  # braille: as dark as it has dots
        return _DENSITY[(code - 0x2800).bit_count()]
    if 0x2500 <= code <= 0x257F and sign not in _OWN:  # corners and crossings of lines
        return "+"
    if 0x2596 <= code <= 0x259F:  # quadrants
        return "#"
    width = cell_len(sign)
    decomposed = unicodedata.category(sign)[0] in "LZ"  # letters and blanks
    likeness = _OWN.get(sign) or (
        unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode() if decomposed else ""
    )
    return likeness if len(likeness) == width else "?" * width


def plain_signs(text: str) -> str:
    """A text in ASCII, as wide as it is."""
    return "".join(map(plain_sign, _WITH_BLANK.sub(lambda found: _TWO_CELLS[found[1]], text)))


class AsciiFallback(LineFilter):
    """Draws everything, data too, in ASCII, cell by cell, so that nothing moves."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [
            segment if segment.text.isascii() else segment._replace(text=plain_signs(segment.text))
            for segment in segments
        ]
