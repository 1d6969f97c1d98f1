"""The ways to lay vectors out on a plane, and what may be set about each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from store.errors import BadInput, unknown

FEWEST = 5  # points; fewer have no neighbourhoods to keep
MOST = 50_000  # points: a map for people, and neighbours that are still found by comparing all with all


class PointKind(StrEnum):
    """Whose vectors are laid out."""

    ITEMS = "items"
    USERS = "users"


class Method(StrEnum):
    """How they are laid out."""

    TSNE = "tsne"
    UMAP = "umap"


@dataclass(frozen=True)
class Setting:
    """A number that may be set. default: for many points, None where the library decides; low, high: allowed.

    reach: it says how far each point looks, so it must stay below the number of points.
    """

    default: float | None
    low: float
    high: float = float("inf")
    whole: bool = False
    reach: bool = False


# t-SNE as in scikit-learn, UMAP as in umap-learn; the thesis names neither its perplexity nor its iterations.
SETTINGS: dict[Method, dict[str, Setting]] = {
    Method.TSNE: {
        "perplexity": Setting(30.0, 1, reach=True),
        "early-exaggeration": Setting(12.0, 1),
        "learning-rate": Setting(None, 1e-3),
        "iterations": Setting(1000, 250, whole=True),  # the library's first 250 exaggerate, whatever is asked
    },
    Method.UMAP: {
        "neighbours": Setting(15, 2, whole=True, reach=True),
        "min-dist": Setting(0.1, 0, 1),
        "epochs": Setting(None, 1, whole=True),
    },
}

Parameters = dict[str, float | None]


def parameters(method: Method, overrides: Sequence[str], n: int) -> Parameters:
    """All settings of a method for n points, with `KEY=VALUE` on top; `BadInput` for what is not allowed.

    Where few points are laid out and nothing is said, each looks at a third of the others at most.
    """
    if n < FEWEST:
        raise BadInput(f"{n} points are too few for a map; it takes {FEWEST}. Add --datasets, or raise --sample.")
    chosen = {key: _default(setting, n) for key, setting in SETTINGS[method].items()}
    for words in overrides:
        key, equals, text = words.partition("=")
        if not equals:
            raise BadInput(f"--set {words}: is not KEY=VALUE. Write --set {next(iter(chosen))}=20.")
        if key not in chosen:
            raise unknown(f"setting of {method}", key, chosen)
        chosen[key] = _checked(key, text, SETTINGS[method][key], n)
    return chosen


def _default(setting: Setting, n: int) -> float | None:
    if setting.default is None or not setting.reach:
        return setting.default
    third = (n - 1) // 3 if setting.whole else (n - 1) / 3
    return max(setting.low, min(setting.default, third))


def _checked(key: str, text: str, setting: Setting, n: int) -> float:
    try:
        value = int(text) if setting.whole else float(text)
    except ValueError:
        raise BadInput(f"--set {key}={text}: is not a {'whole ' if setting.whole else ''}number.") from None
    if not setting.low <= value <= setting.high or value == float("inf"):
        above = f" to {setting.high:g}" if setting.high < float("inf") else " and above"
        raise BadInput(f"--set {key}={text}: allowed are {setting.low:g}{above}.")
    if setting.reach and value >= n:
        raise BadInput(f"--set {key}={text}: must be below the number of points, {n}. Lower it, or raise --sample.")
    return value
