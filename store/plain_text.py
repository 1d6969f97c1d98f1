"""Text from data as a terminal may show it: nothing in it is obeyed, and nothing in it rearranges the line."""

from __future__ import annotations

REPLACEMENT = "�"

# C0, DEL and C1 codes start escape sequences; U+2028 and U+2029 end a line for some terminals.
_OBEYED = dict.fromkeys((*range(32), *range(127, 160)), REPLACEMENT)
# Marks that turn the direction of writing would rearrange what stands beside the text.
_TURNING = dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)), REPLACEMENT)
# Unseen, and counted with different widths by different terminals: soft hyphen, byte order mark, tag characters.
_UNSEEN: dict[int, str] = dict.fromkeys((0x00AD, 0xFEFF, *range(0xE0000, 0xE0080)), "")
# Lone surrogates cannot be written as UTF-8 at all.
_BROKEN = dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT)
_BLANKS = dict.fromkeys((9, 10, 11, 12, 13, 133, 8232, 8233), " ")

_ONE_LINE: dict[int, str] = {**_OBEYED, **_TURNING, **_UNSEEN, **_BROKEN, **_BLANKS}
_LINES: dict[int, str] = {**_ONE_LINE, 0x0A: "\n", 0x0D: ""}


def plain(text: str, *, keep_lines: bool = False) -> str:
    """Text without control codes and direction marks, on one line unless `keep_lines`.

    Each code becomes `�`, so that a reader sees that something was there; line ends and tabs become blanks.
    `plain("a\\x1b[31mb")` is `"a�[31mb"`.
    """
    return text.translate(_LINES if keep_lines else _ONE_LINE)
