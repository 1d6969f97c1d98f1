"""Filters of events as people type them: `A in top 10, B not in top 50, length 5-20, cold target`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from store.errors import BadInput

LETTERS = "ABC"  # stand for models: those that Users shows, from the left, or those that --models names
EXAMPLES = (
    "A in top 10, B not in top 50",
    "B in top 10, A not in top 50",
    "A above B",
    "A in top 10, B not in top 10, cold target",
    "A not in top 50, length 1-5",
)
_PARTS = "A in top 10 · B not in top 50 · A above B · length 5-20 · length 5+ · cold target · warm target"
_TOP = re.compile(r"([a-c]) (?:is )?(not )?(?:in )?(?:the )?top (\d+)")
_ABOVE = re.compile(r"([a-c]) (?:is )?above ([a-c])")
_LENGTH = re.compile(r"(?:history )?length (\d+) ?(?:(?:-|–|to) ?(\d+)|(\+))?")
_TARGET = re.compile(r"(cold|warm)(?: target)?")


@dataclass(frozen=True)
class Within:
    """Whether a model (its position among `LETTERS`) has the target within the first `top`, or has not."""

    model: int
    top: int
    inside: bool

    @property
    def words(self) -> str:
        return f"{LETTERS[self.model]} {'' if self.inside else 'not '}in top {self.top}"


@dataclass(frozen=True)
class EventFilter:
    """What an event has to meet, all of it.

    above: pairs of models of which the first ranks the target higher; length: of the history, from and to (None: no
    end); target: `cold` where it does not occur in the train part, `warm` where it does, empty for either.
    """

    within: tuple[Within, ...] = ()
    above: tuple[tuple[int, int], ...] = ()
    length: tuple[int, int | None] | None = None
    target: str = ""

    @property
    def models(self) -> tuple[int, ...]:
        """Positions among `LETTERS` of the models that it speaks of."""
        return tuple(sorted({part.model for part in self.within} | {place for pair in self.above for place in pair}))

    @property
    def words(self) -> str:
        """The filter in the words that `parse` reads."""
        parts = [part.words for part in self.within]
        parts += [f"{LETTERS[one]} above {LETTERS[other]}" for one, other in self.above]
        if self.length is not None:
            least, most = self.length
            end = "+" if most is None else "" if most == least else f"-{most}"
            parts.append(f"length {least}{end}")
        return ", ".join([*parts, f"{self.target} target"] if self.target else parts)


def parse(words: str) -> EventFilter:
    """Read a filter; `BadInput` for a part that is none."""
    within: list[Within] = []
    above: list[tuple[int, int]] = []
    length, target = None, ""
    for given in re.split(r",|;|\band\b", words):
        part = " ".join(given.split())
        said = part.lower()
        if found := _TOP.fullmatch(said):
            within.append(Within(LETTERS.index(found[1].upper()), int(found[3]), not found[2]))
            if not within[-1].top:
                raise BadInput(f'"{part}": a top has at least one place. For example A in top 10.')
        elif found := _ABOVE.fullmatch(said):
            above.append((LETTERS.index(found[1].upper()), LETTERS.index(found[2].upper())))
            if above[-1][0] == above[-1][1]:
                raise BadInput(f'"{part}": a model is never above itself. For example A above B.')
        elif found := _LENGTH.fullmatch(said):
            least = int(found[1])
            length = (least, None if found[3] else int(found[2] or least))
            if length[1] is not None and length[1] < least:
                raise BadInput(f'"{part}": the longest is shorter than the shortest. For example length 5-20.')
        elif found := _TARGET.fullmatch(said):
            target = found[1]
        elif part:
            raise BadInput(f'"{part}" is not a valid condition. Conditions: {_PARTS}; separate them with commas.')
    return EventFilter(tuple(within), tuple(above), length, target)
