"""Skip output for cells whose content has not changed.

Textual sends every line of a part that was refreshed: a whole chart and a whole table each second that a job runs, ten
thousand bytes over a slow line for the few cells that changed.
"""

from __future__ import annotations

from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate  # there is no public door to frames
from textual.strip import Strip


class FrameDiff:
    """For each line of the terminal the strips that were written to it, by the cell that they begin in."""

    def __init__(self) -> None:
        self._lines: dict[int, dict[int, Strip]] = {}

    def forget(self) -> None:
        """Something else wrote to the terminal."""
        self._lines.clear()

    def thin(self, update: object) -> object:
        """The update without what stands there already; what is left is taken to be written."""
        if isinstance(update, LayoutUpdate):
            return self._whole(update)
        if isinstance(update, ChopsUpdate):
            return self._thinned(update)
        if isinstance(update, CompositorUpdate):
            self.forget()
        return update

    def _whole(self, update: LayoutUpdate) -> LayoutUpdate:
        lines: dict[int, dict[int, Strip]] = {}
        for y, strips in enumerate(update.strips, update.region.y):
            line, x = lines.setdefault(y, {}), update.region.x
            for strip in strips:
                line[x] = strip
                x += strip.cell_length
        if lines == self._lines:  # an area that is shown is drawn in full twice
            return LayoutUpdate([], update.region)
        self._lines = lines
        return update

    def _thinned(self, update: ChopsUpdate) -> ChopsUpdate:
        chops: list[dict[int, Strip | None]] = [{}] * len(update.chops)
        spans: list[tuple[int, int, int]] = []
        sent: set[tuple[int, int]] = set()  # by this update, to which several spans may belong
        for y in dict.fromkeys(y for y, _, _ in update.spans):
            chops[y] = dict(update.chops[y])
        for y, first, last in update.spans:
            line, known, left = chops[y], self._lines.setdefault(y, {}), False
            for end, (x, strip) in zip(update.chop_ends[y], line.items(), strict=False):
                if strip is None or x > last or end <= first:
                    continue
                whole = first <= x < last and end <= last
                if whole and (y, x) not in sent and (known.get(x) == strip or not strip.cell_length):
                    line[x] = None
                    continue
                sent.add((y, x))
                for other, there in list(known.items()):
                    if other < end and other + there.cell_length > x:
                        del known[other]
                if whole:
                    known[x] = strip
                left = True
            if left:
                spans.append((y, first, last))
        # With nothing left, an update that only moves the cursor.
        return ChopsUpdate(chops, spans or update.spans[-1:], update.chop_ends)
