"""The current view of a map as a picture: SVG, or PNG by hand, as neither needs a library."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from store.errors import Failed
from store.plain_text import plain
from workbench.map.map_labels import Label
from workbench.map.map_raster import DOTS_ACROSS, DOTS_DOWN, LETTERS, View

WIDTH = 1600  # pixels
LINE = 26  # pixels of one line of text
ORDER_SEED = 0  # in which points are painted in PNG: else the last dataset would lie over all others


@dataclass(frozen=True)
class Picture:
    """A view to draw. place float32 [N, 2] and label int16 [N] of the points in it; `caption` says whose they are."""

    xy: np.ndarray
    label: np.ndarray
    legend: tuple[Label, ...]
    view: View
    columns: int
    rows: int
    caption: tuple[str, ...]
    ground: tuple[int, int, int]
    ink: tuple[int, int, int]

    @property
    def height(self) -> int:
        """Pixels of the map itself, in the proportions of the canvas."""
        return max(1, round(WIDTH * self.rows * DOTS_DOWN / (self.columns * DOTS_ACROSS)))

    @property
    def radius(self) -> float:
        """Pixels of a point: smaller where there are more."""
        return float(np.clip(90 / np.sqrt(max(1, len(self.xy))), 2, 6))

    @property
    def used(self) -> list[int]:
        """The labels that points in the view have."""
        found: list[int] = np.unique(self.label).tolist()
        return found

    def pixels(self) -> np.ndarray:
        """Where the points lie, float64 [N, 2], from the upper left corner."""
        left, top = self.view.corner(self.columns, self.rows)
        scale = WIDTH / (self.columns * DOTS_ACROSS * self.view.dot)
        return np.column_stack((self.xy[:, 0] - left, top - self.xy[:, 1])).astype(float) * scale


def svg(picture: Picture) -> str:
    """The view with its caption and legend; every point is drawn, those of one label as one path."""
    at, foot = picture.pixels(), picture.height
    height = foot + LINE * (len(picture.caption) + len(picture.used)) + LINE
    words = plain(" ".join(picture.caption))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        f' font-family="sans-serif" font-size="18" fill="{_hex(picture.ink)}">',
        f"<title>{escape(words)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="{_hex(picture.ground)}"/>',
        f'<g fill="none" stroke-linecap="round" stroke-width="{2 * picture.radius:.1f}" stroke-opacity="0.85">',
    ]
    for number in sorted(picture.used, key=lambda number: not picture.legend[number].quiet):  # what is quiet lies below
        path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in at[picture.label == number].tolist())
        parts.append(f'<path stroke="{_hex(picture.legend[number].colour)}" d="{path}"/>')
    parts.append("</g>")
    down = foot + LINE
    for said in picture.caption:
        parts.append(f'<text x="12" y="{down}">{escape(plain(said))}</text>')
        down += LINE
    for number in picture.used:
        label = picture.legend[number]
        points = int((picture.label == number).sum())
        parts.append(f'<circle cx="20" cy="{down - 6}" r="7" fill="{_hex(label.colour)}"/>')
        parts.append(
            f'<text x="36" y="{down}">{LETTERS[number]}  {escape(plain(label.name))}, {points:,} points</text>'
        )
        down += LINE
    return "\n".join([*parts, "</svg>\n"])


def png(picture: Picture) -> bytes:
    """The view alone; caption and legend go into its description, as there is no font to write them with."""
    canvas = np.empty((picture.height, WIDTH, 3), np.uint8)
    canvas[:] = picture.ground
    colours = np.array([label.colour for label in picture.legend] or [(0, 0, 0)], np.uint8)
    order = np.random.default_rng(ORDER_SEED).permutation(len(picture.xy))
    loud = np.array([not label.quiet for label in picture.legend] or [True])[picture.label[order]]
    order = order[np.argsort(loud, kind="stable")]  # what is quiet lies below
    at = np.floor(picture.pixels()[order]).astype(int)
    ink = colours[picture.label[order]]
    reach = int(np.ceil(picture.radius))
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            if down * down + across * across <= picture.radius**2:
                x, y = at[:, 0] + across, at[:, 1] + down
                inside = (x >= 0) & (x < WIDTH) & (y >= 0) & (y < picture.height)
                canvas[y[inside], x[inside]] = ink[inside]
    used = [f"{picture.legend[n].name} {_hex(picture.legend[n].colour)}" for n in picture.used]
    rows = np.hstack((np.zeros((picture.height, 1), np.uint8), canvas.reshape(picture.height, -1)))  # no filter
    header = struct.pack(">IIBBBBB", WIDTH, picture.height, 8, 2, 0, 0, 0)  # eight bits of red, green and blue
    said = plain("; ".join([*picture.caption, *used])).encode()
    parts = [("IHDR", header), ("iTXt", b"Description\0\0\0\0\0" + said), ("IDAT", zlib.compress(rows.tobytes(), 6))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in [*parts, ("IEND", b"")])


def write(picture: Picture, folder: Path, name: str, kind: str) -> Path:
    """Write the picture to a new file, `name.svg` or `name.png`, with a number where there is one already.

    `Failed` where the folder cannot be written to.
    """
    data = svg(picture).encode() if kind == "svg" else png(picture)
    for number in count(1):
        path = folder / f"{name}{f'-{number}' if number > 1 else ''}.{kind}"
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            continue
        except OSError as error:
            raise Failed(f"{path}: cannot be written ({error.strerror}). Start st5 in a folder that can be.") from None
        return path
    raise AssertionError  # numbers do not end


def file_name(words: Sequence[str]) -> str:
    """A file's name of these words, without what a file system or a shell takes amiss."""
    return "-".join("".join(c if c.isalnum() or c in "._" else "-" for c in word) for word in words).strip(".-")[:100]


def _chunk(kind: str, data: bytes) -> bytes:
    body = kind.encode() + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
