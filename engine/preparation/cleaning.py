"""Texts of the source as the models read them: entities, tags, control codes and white space put in order."""

from __future__ import annotations

import html
import json
from enum import StrEnum
from typing import Any

import polars as pl


class Alphabet(StrEnum):
    """Which characters survive: `ascii` as in the thesis, `unicode` for catalogues in other languages."""

    ASCII = "ascii"
    UNICODE = "unicode"


# A tag starts with a letter, a slash or `!`: "I <3 this" and "5 < 6 > 2" are no tags.
_TAG = r"<[A-Za-z/!][^<>]*>"
# The content of a script or a style is code; without an end it reaches to the end of the text.
_SCRIPT = r"(?is)<(?:script|style)\b[^<>]*>.*?(?:</(?:script|style)\s*>|\z)"
# What scraped pages have in place of a title: JavaScript (Amazon 2018: "var aPageStart = …") or a style sheet.
_CODE = (
    r"(?:^|[;{}\s])var\s+[\w$]+\s*=[^=].*[;({]"
    r"|\bfunction\s*[\w$]*\([^)]*\)\s*\{|\)\s*=>\s*\{"
    r"|\b(?:window|document)\.[\w$.]+\s*(?:=|\()|\bP\.(?:when|register|now)\("
    r"|[.#@][\w-]+[^{}]*\{\s*[\w-]+\s*:[^{};]+;[^{}]*\}"
)
# Colours, cursor moves (CSI), links and titles (OSC), and the short escapes of a terminal.
_ESCAPE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
# Direction marks, soft hyphens, byte order marks …; the joiners stay, since Persian, Hindi and emoji are spelled with
# them, and so do the visible signs that Unicode counts among the formats.
_INVISIBLE = r"[\p{Cf}--[\u200C\u200D\u0600-\u0605\u06DD\u070F\u08E2\u{110BD}\u{110CD}]]"
_BLANK = r"[\s\p{Cc}]+"
_EDGE = " \u200c\u200d"


def clean(texts: pl.Series, alphabet: Alphabet) -> pl.Series:
    """The texts cleaned as in thesis 3.4; null becomes "".

    In this order: HTML entities; scripts, styles and `<…>` tags (removed, nothing put in their place); terminal
    escapes, control characters and white space (each run becomes one space). Then, for `ascii`, every other character
    becomes a space and runs are collapsed again; for `unicode`, characters that show nothing or turn the direction of
    text around are removed.
    """
    name = texts.name
    column = (
        pl.col(name)
        .str.strip_chars()
        .str.replace_all(_SCRIPT, "")
        .str.replace_all(_TAG, "")
        .str.replace_all(_ESCAPE, "")
    )
    if alphabet is Alphabet.ASCII:
        column = column.str.replace_all(r"[^\x00-\x7F]", " ").str.replace_all(_BLANK, " ").str.strip_chars()
    else:
        column = column.str.replace_all(_INVISIBLE, "").str.replace_all(_BLANK, " ").str.strip_chars(_EDGE)
    return _without_entities(texts.fill_null("")).to_frame().select(column).to_series()


def is_page_code(cleaned: pl.Expr) -> pl.Expr:
    """Whether each text (cleaned) is a web page's code and no words for people, bool."""
    return cleaned.str.contains(_CODE)


def clean_text(text: str, alphabet: Alphabet) -> str:
    """One text cleaned; lone surrogates, which no file can hold, become `?` first."""
    return str(clean(pl.Series("text", [text.encode("utf-8", "replace").decode()]), alphabet).item())


def clean_categories(categories: pl.Series, alphabet: Alphabet, default: str) -> pl.Series:
    """Categories joined with `|`, each cleaned, empty ones left out; `default` where none remains."""
    parts = pl.col(categories.name).str.replace_all(r"\s*\|[\s|]*", "|").str.strip_chars("| ")
    whole = clean(categories, alphabet).to_frame().select(parts).to_series()
    return (
        whole.to_frame()
        .select(pl.when(whole != "").then(whole).otherwise(pl.lit(default)))
        .to_series()
        .rename(categories.name)
    )


def clean_fields(fields: pl.Series, alphabet: Alphabet) -> pl.Series:
    """JSON objects of texts with every value cleaned and empty ones left out; anything else becomes `{}`."""
    objects = [_object(value) for value in fields]
    values = clean(pl.Series("value", [v for o in objects for v in o.values()], dtype=pl.String), alphabet).to_list()
    rest = iter(values)
    out = []
    for texts in objects:
        kept = {key: value for key, value in zip(texts, rest, strict=False) if value} if texts else {}
        out.append(json.dumps(kept, ensure_ascii=False) if kept else "{}")
    return pl.Series(fields.name, out, dtype=pl.String)


def _without_entities(texts: pl.Series) -> pl.Series:
    rows = texts.str.contains("&", literal=True).arg_true()
    if not len(rows):
        return texts
    return texts.scatter(rows, pl.Series([_unescaped(text) for text in texts.gather(rows)], dtype=pl.String))


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # Python refuses to read a number of more than 4,300 digits, such as `&#111…;`
        return text


def _object(text: str | None) -> dict[str, str]:
    try:
        value: Any = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(value, dict):
        return {}
    return {str(key): _as_text(part) for key, part in value.items()}


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.encode("utf-8", "replace").decode()
