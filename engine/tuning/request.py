"""A search as it was asked for: a model, the values to try, and which combinations of them are made."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import prod
from typing import Any

from store.enums import Seen
from store.errors import BadInput

MOST_TRIALS = 1_000  # more would take longer than anybody waits for, and say no more than a sample
LARGEST_GRID = 10**15  # combinations that are counted at all

METRIC, SEEN = "ndcg@10", Seen.MASK  # the usual way to choose the best trial


@dataclass(frozen=True)
class SearchRequest:
    """What to search, on one dataset. model: a baseline, or a variant or chain of a recipe.

    tries: each setting with the values to try, as written. trials: how many combinations are drawn with `seed`, 0 for
    all; the seed also decides what is random in training, None for 0. sample: valid events that each is evaluated on,
    0 for all. features: as `st5 baseline` has it; backbone and recipe ("" for the defaults): as `st5 train`.
    """

    model: str
    dataset: str
    tries: tuple[tuple[str, tuple[str, ...]], ...]
    trials: int = 0
    seed: int | None = None
    sample: int = 0
    features: str = ""
    backbone: str = ""
    recipe: str = ""

    def __post_init__(self) -> None:
        if self.trials < 0:
            raise BadInput(f"--trials {self.trials}: allowed are 0 (every combination) and above.")
        if self.sample < 0:
            raise BadInput(f"--sample {self.sample}: allowed are 0 (all valid events) and above.")

    @property
    def size(self) -> int:
        """How many combinations there are."""
        return prod(len(values) for _, values in self.tries)

    def combinations(self) -> list[dict[str, str]]:
        """Those to be made, in order: all, the last setting changing first; or `trials` of them in the order drawn.

        `BadInput` where that is more than MOST_TRIALS. Two values of `hidden` and two of `layers` are four:
        1 1, 1 2, 2 1, 2 2.
        """
        size = self.size
        wanted = min(self.trials, size) if self.trials else size
        if wanted > MOST_TRIALS or size > LARGEST_GRID:
            raise BadInput(
                f"{wanted:,} of {size:,} combinations are too many: allowed are {MOST_TRIALS:,}. "
                "Draw some of them at random with --trials 50, or try fewer values."
            )
        chosen = range(size) if wanted == size else random.Random(self.seed or 0).sample(range(size), wanted)
        return [self._combination(number) for number in chosen]

    def document(self) -> dict[str, Any]:
        """As JSON holds it; `request_of` reads it again."""
        return asdict(self) | {"tries": {key: list(values) for key, values in self.tries}}

    def command(self, metric: str, seen: str) -> tuple[str, ...]:
        """The command line after `st5` that makes this search, or goes on with it."""
        words = ["tune", self.model, "--datasets", self.dataset]
        for key, values in self.tries:
            words += ["--try", f"{key}={','.join(values)}"]
        numbers = {"--trials": self.trials, "--sample": self.sample}
        for option, number in numbers.items():
            words += [option, str(number)] if number else []
        words += ["--seed", str(self.seed)] if self.seed is not None else []
        names = {"--features": self.features, "--backbone": self.backbone, "--recipe": self.recipe}
        for option, name in names.items():
            words += [option, name] if name else []
        words += ["--metric", metric] if metric != METRIC else []
        words += ["--seen", seen] if seen != SEEN else []
        return tuple(words)

    def _combination(self, number: int) -> dict[str, str]:
        """The combination of this number, counting from 0: the last setting is its lowest digit."""
        found: list[tuple[str, str]] = []
        for key, values in reversed(self.tries):
            number, place = divmod(number, len(values))
            found.append((key, values[place]))
        return dict(reversed(found))


def request_of(document: Mapping[str, Any]) -> SearchRequest:
    """The request that `document` wrote; keys of other versions are left out."""
    known = {field.name for field in fields(SearchRequest)}
    values = {key: value for key, value in document.items() if key in known}
    values["tries"] = tuple((key, tuple(tried)) for key, tried in document.get("tries", {}).items())
    return SearchRequest(**values)


def parse_tries(texts: Sequence[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """`KEY=V1,V2` each as the key and its values; `BadInput` for any other form, and for a key or value named twice.

    `parse_tries(["hidden=64,128"])` is `(("hidden", ("64", "128")),)`.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, equals, listed = (part.strip() for part in text.partition("="))
        values = tuple(value.strip() for value in listed.split(","))
        if not equals or not key or not all(values):
            raise BadInput(f"--try {text}: is not KEY=VALUE,VALUE. Write --try learning-rate=1e-3,3e-4.")
        if key in found:
            raise BadInput(f"--try {text}: {key} is tried already. Write all its values after one --try.")
        if len(set(values)) < len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise BadInput(f"--try {text}: names {twice} twice. Leave one out.")
        found[key] = values
    return tuple(found.items())


def setting_words(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Settings as `--set` takes them, and as a line has them: `hidden=64`, `learning-rate=1e-3`."""
    return tuple(f"{key}={value}" for key, value in settings.items())
