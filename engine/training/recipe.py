"""Recipes: the hyper-parameters of the phases, named or in a TOML file, resolved into a `PhaseSettings` per phase.

Later wins: defaults, `base`, the file's top level, its phase tables, `--set KEY=VALUE`, `--set PHASE.KEY=VALUE`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from engine.text.sentences import HistoryFormat, ItemText
from store.enums import Phase
from store.errors import BadInput, unknown

# What every recipe can run (thesis 5.1.1).
VARIANTS: dict[str, tuple[Phase, ...]] = {
    "only": (),
    "nopre": (Phase.SEQUENCE_ITEM,),
    "itempre": (Phase.ITEM_DESCRIPTION, Phase.SEQUENCE_ITEM),
    "final": (Phase.ITEM_DESCRIPTION, Phase.SEQUENCE_SEQUENCE, Phase.SEQUENCE_ITEM),
}
AUGMENTATIONS = ("crop", "reorder", "drop")
CATALOGUE = "catalogue"  # the loss that compares with all items
BANK = ("bank-refreshes", "bank-items")  # settings that only this loss reads
CHOICES: dict[str, tuple[str, ...]] = {
    "history": tuple(map(str, HistoryFormat)),
    "item-text": tuple(map(str, ItemText)),
    "augmentations": AUGMENTATIONS,
    "markers": ("kept", "separator"),
    "mixing": ("mixed", "by-dataset"),
    "loss": ("symmetric-ranking", CATALOGUE),
    "schedule": ("linear", "cosine", "constant"),
    "precision": ("auto", "fp32", "bf16"),
    "best-by": ("ndcg@10", "validation-loss", "last"),
}
FOLDER = Path(__file__).resolve().parents[1] / "recipes"
SHOW = "`st5 recipes thesis` shows every key with a value."


class Range(NamedTuple):
    """Numbers from `low` to `high`; `above` and `below` leave out the ends."""

    low: float
    high: float = 1e9  # more is a slip of the finger
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        over = value > self.low if self.above else value >= self.low
        under = value < self.high if self.below else value <= self.high
        return over and under

    def __str__(self) -> str:
        low, high = f"{self.low:g}", f"{self.high:,.10g}"
        return f"{'above' if self.above else 'from'} {low} to {'below ' if self.below else ''}{high}"


# Settings that only one phase reads.
PHASE_OF: dict[str, Phase] = {
    "popularity-weighted": Phase.ITEM_DESCRIPTION,
    "augmentations": Phase.SEQUENCE_SEQUENCE,
    **dict.fromkeys(AUGMENTATIONS, Phase.SEQUENCE_SEQUENCE),
    **dict.fromkeys(BANK, Phase.SEQUENCE_ITEM),
}
RANGES: dict[str, Range] = {
    "pairs": Range(0),
    "epochs": Range(1),
    "tokens": Range(0),
    "crop": Range(0, 1, above=True),
    "reorder": Range(0, 1),
    "drop": Range(0, 1, below=True),  # 1 would leave no item
    "batch": Range(2),  # a pair alone has no negatives
    "accumulation": Range(1),
    "micro-tokens": Range(0),
    "bank-refreshes": Range(1),
    "bank-items": Range(0),
    "scale": Range(0, above=True),
    "learning-rate": Range(0, 1, above=True),
    "warm-up": Range(0, 1),
    "weight-decay": Range(0, 1),
    "gradient-clip": Range(0),
    "lora-rank": Range(0),
    "lora-alpha": Range(1),
    "average": Range(0, 1, below=True),
    "validate-every": Range(0),
    "validation-events": Range(1),
    "validation-items": Range(0),
    "checkpoint-every": Range(0),
    "log-every": Range(1),
}


@dataclass(frozen=True)
class PhaseSettings:
    """How one phase is trained; TOML and `--set` write the names with hyphens.

    A value outside its type, range or choice is `BadInput`. docs/recipes.md says what each is for.
    """

    pairs: int = 0  # most pairs trained on in the phase, over all epochs; 0 = epochs × all
    epochs: int = 1
    history: str = "structured"  # HistoryFormat
    item_text: str = "title"  # ItemText, of items in histories and of targets
    tokens: int = 0  # longest sentence, special tokens included; 0 = what the model reads
    markers: str = "kept"  # "separator": a backbone's untrained marker tokens start as its separator
    popularity_weighted: bool = False  # item-description: pairs drawn as often as their item occurs in train
    augmentations: tuple[str, ...] = AUGMENTATIONS  # sequence-sequence: one of these at random
    crop: float = 0.8  # η, share of the history that a crop keeps
    reorder: float = 0.7  # β, share of the history that is shuffled
    drop: float = 0.5  # δ, share of the history that is dropped
    keep_identical: bool = True  # False leaves out pairs whose two texts are equal
    batch: int = 64  # pairs whose items serve as each other's negatives, over all processes together
    mixing: str = "mixed"  # "by-dataset": each batch from one dataset
    duplicate_texts: bool = True  # False: no text occurs twice in a batch
    accumulation: int = 1  # batches per optimizer step
    cached: bool = False  # gradient caching: the memory of one micro-batch whatever the batch
    micro_tokens: int = 0  # tokens, padding included, through the model at once; 0 = chosen for the device
    loss: str = "symmetric-ranking"
    bank_refreshes: int = 4  # times in the phase that all items are encoded for `catalogue`, the first at the start
    bank_items: int = 0  # most rows of that bank that a target competes with in a step, drawn anew; 0 = all
    scale: float = 20.0  # factor on the cosines, 1 / temperature
    mask_false_negatives: bool = True
    learning_rate: float = 2e-5  # at its peak
    warm_up: float = 0.1  # share of the optimizer steps
    schedule: str = "linear"
    weight_decay: float = 0.01
    gradient_clip: float = 1.0  # largest norm of the gradient; 0 = none
    precision: str = "auto"
    gradient_checkpointing: bool = False
    lora_rank: int = 0  # 0 = all weights
    lora_alpha: int = 32
    average: float = 0.0  # decay of the moving average of the weights kept beside the last ones; 0 = none
    best_by: str = "ndcg@10"
    validate_every: int = 0  # optimizer steps; 0 = five times in the phase
    validation_events: int = 500  # a fixed sample of valid events
    validation_items: int = 0  # rank over so many sampled items and the targets; 0 = the full catalogue
    checkpoint_every: int = 0  # optimizer steps; 0 = whenever it validates
    log_every: int = 10  # optimizer steps between points of the series

    def __post_init__(self) -> None:
        for name, key in zip(NAMES, KEYS, strict=True):
            object.__setattr__(self, name, _checked(key, getattr(self, name)))

    def document(self) -> dict[str, Any]:
        """Every key that the loss reads with its value, as TOML and JSON write them."""
        unread = () if self.loss == CATALOGUE else BANK
        values = {key: getattr(self, name) for name, key in zip(NAMES, KEYS, strict=True) if key not in unread}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    def decisive(self) -> dict[str, Any]:
        """The same without what the trained weights do not depend on."""
        return {key: value for key, value in self.document().items() if key not in ("log-every", "checkpoint-every")}


NAMES = tuple(entry.name for entry in fields(PhaseSettings))
KEYS = tuple(name.replace("_", "-") for name in NAMES)
DEFAULTS: dict[str, Any] = {entry.name.replace("_", "-"): entry.default for entry in fields(PhaseSettings)}


@dataclass(frozen=True)
class Override:
    """One key that `--set` changed. phase: None where it was set for every phase; text: as it was written."""

    phase: Phase | None
    key: str
    text: str


@dataclass(frozen=True)
class Recipe:
    """One resolved recipe. chains: the phases that each variant runs, in order; phases: how each is trained;
    overrides: what `--set` changed, so that a change without effect can be refused."""

    name: str
    summary: str
    chains: dict[str, tuple[Phase, ...]]
    phases: dict[Phase, PhaseSettings]
    overrides: tuple[Override, ...] = field(default=(), compare=False)

    def chain(self, variant: str) -> tuple[Phase, ...]:
        """The phases of a variant, in order; `BadInput` with the nearest names for one that it does not have."""
        if variant not in self.chains:
            hint = f'A recipe names its own under [chains]; this is "{self.name}".'
            raise unknown("variant", variant, self.chains, hint)
        return self.chains[variant]

    def document(self) -> dict[str, Any]:
        """The recipe in full, as JSON or TOML hold it; `stored_recipe` reads it again."""
        own = {name: [str(phase) for phase in chain] for name, chain in self.chains.items() if name not in VARIANTS}
        phases = {str(phase): settings.document() for phase, settings in self.phases.items()}
        return {"name": self.name, "summary": self.summary, "chains": own, **phases}


@dataclass
class _Layer:
    """What one source says: settings for every phase and for one, by key, and own chains."""

    every: dict[str, Any] = field(default_factory=dict)
    phases: dict[Phase, dict[str, Any]] = field(default_factory=lambda: {phase: {} for phase in Phase})
    chains: dict[str, tuple[Phase, ...]] = field(default_factory=dict)

    def add(self, other: _Layer) -> None:
        self.every |= other.every
        self.chains |= other.chains
        for phase in Phase:
            self.phases[phase] |= other.phases[phase]


def recipe_names() -> list[str]:
    """The recipes of the package."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load_recipe(name_or_file: str, overrides: Sequence[str] = ()) -> Recipe:
    """A named recipe, or a file's (`./own.toml`: with a path separator or ending in .toml), with `--set` on top.

    overrides: `KEY=VALUE` for every phase, `PHASE.KEY=VALUE` for one, `chains.NAME=PHASE,PHASE`; values as in TOML,
    bare words as strings. `BadInput` says what is unknown, broken or not allowed, and where.
    """
    name, summary, layers = _read(name_or_file, ())
    set_last = _Layer()
    changed: list[Override] = []
    for override in overrides:
        layer = _override(override)
        set_last.add(layer)
        changed += [Override(None, key, override) for key in layer.every]
        changed += [Override(phase, key, override) for phase in Phase for key in layer.phases[phase]]
    return replace(_resolved(name, summary, [*layers, set_last]), overrides=tuple(changed))


def check_overrides(recipe: Recipe, variant: str) -> None:
    """`BadInput` for the first `--set` that changes nothing in the phases that the variant runs."""
    chain = recipe.chain(variant)
    for override in recipe.overrides:
        meant = override.phase or PHASE_OF.get(override.key)
        reasons = {
            phase: _without_effect(override.key, phase, recipe.phases[phase], chain, variant)
            for phase in ([meant] if meant else Phase)
        }
        if all(reasons.values()):
            reason = next((reasons[phase] for phase in chain if phase in reasons), next(iter(reasons.values())))
            raise BadInput(f"--set {override.text}: changes nothing, because {reason}. Leave it out.")


def _without_effect(key: str, phase: Phase, settings: PhaseSettings, chain: Sequence[Phase], variant: str) -> str:
    """Why a key cannot act in a phase, "" where it can."""
    if not chain:
        return f"{variant} trains nothing"
    if phase not in chain:
        return f"{variant} does not run {phase}; it runs {', '.join(chain)}"
    if PHASE_OF.get(key, phase) is not phase:
        return f"{key} is for {PHASE_OF[key]}"
    if key in AUGMENTATIONS and key not in settings.augmentations:
        return f"{phase} has no augmentation {key} (augmentations = {_shown(settings.augmentations)})"
    if key == "lora-alpha" and not settings.lora_rank:
        return f"{phase} trains all weights (lora-rank = 0)"
    if key in BANK and settings.loss != CATALOGUE:
        return f'{phase} has no bank of items (loss = "{settings.loss}")'
    return ""


def check_losses(recipe: Recipe, variant: str) -> None:
    """`BadInput` for a phase of the variant that its loss is not for."""
    for phase in recipe.chain(variant):
        if recipe.phases[phase].loss == CATALOGUE and phase is not Phase.SEQUENCE_ITEM:
            raise BadInput(
                f'{phase}: loss = "{CATALOGUE}" is for {Phase.SEQUENCE_ITEM} alone, where an item of the catalogue is '
                f"the answer. Set it there: --set {Phase.SEQUENCE_ITEM}.loss={CATALOGUE}, or under "
                f"[{Phase.SEQUENCE_ITEM}] in a file."
            )


def stored_recipe(document: Mapping[str, Any]) -> Recipe:
    """The recipe that `Recipe.document` wrote."""
    name, summary = (str(document.get(key, "")) for key in ("name", "summary"))
    said = {key: value for key, value in document.items() if key not in ("name", "summary")}
    return _resolved(name, summary, [_layer(f'recipe "{name}"', said)])


def differences(recipe: Recipe, other: Recipe) -> dict[Phase, dict[str, tuple[Any, Any]]]:
    """Where two recipes differ: for each phase the keys with both values; phases trained alike are left out."""
    found: dict[Phase, dict[str, tuple[Any, Any]]] = {}
    for phase in Phase:
        ours, theirs = recipe.phases[phase].document(), other.phases[phase].document()
        if ours != theirs:
            found[phase] = {key: (ours.get(key), theirs.get(key)) for key in KEYS if ours.get(key) != theirs.get(key)}
    return found


def _resolved(name: str, summary: str, layers: Sequence[_Layer]) -> Recipe:
    chains = dict(VARIANTS)
    phases = {}
    for layer in layers:
        chains |= layer.chains
    for phase in Phase:
        values: dict[str, Any] = {}
        for layer in layers:
            values |= layer.every | layer.phases[phase]
        phases[phase] = PhaseSettings(**{key.replace("-", "_"): value for key, value in values.items()})
    return Recipe(name, summary, chains, phases)


def _read(name_or_file: str, above: tuple[str, ...]) -> tuple[str, str, list[_Layer]]:
    """Name, summary and layers of a recipe, those of its base first."""
    file, name = _located(name_or_file)
    document = _parsed(file)
    for key in ("summary", "base"):
        if not isinstance(document.get(key, ""), str):
            raise BadInput(f'{file}: {key} = {_shown(document[key])} is no text. Write {key} = "…".')
    summary, base = document.pop("summary", ""), document.pop("base", "")
    layers: list[_Layer] = []
    if base:
        if base not in recipe_names():
            raise _at(file, unknown("recipe", base, recipe_names(), "base takes a named recipe."))
        if base in above:
            raise BadInput(
                f'{file}: base = "{base}" starts from itself ({" -> ".join([*above, base])}). Leave base out.'
            )
        layers = _read(base, (*above, base))[2]
    return name, summary, [*layers, _layer(str(file), document)]


def _located(name_or_file: str) -> tuple[Path, str]:
    if "/" in name_or_file or "\\" in name_or_file or name_or_file.endswith(".toml"):
        return Path(name_or_file).expanduser(), Path(name_or_file).stem
    if name_or_file not in recipe_names():
        raise unknown("recipe", name_or_file, recipe_names(), "A recipe of your own is a file: --recipe ./OWN.toml.")
    return FOLDER / f"{name_or_file}.toml", name_or_file


def _parsed(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise BadInput(
            f"{file}: cannot be read ({error.strerror}). A recipe is a TOML file or one of {', '.join(recipe_names())}."
        ) from None
    except UnicodeDecodeError as error:
        raise BadInput(
            f"{file}: is not UTF-8 (byte {error.start}). Save it as UTF-8; TOML allows nothing else."
        ) from None
    except (ValueError, RecursionError) as error:
        place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        line = f" line {place[1]}, column {place[2]}" if place else ""
        what = str(error).split(" (at ")[0]
        raise BadInput(
            f"{file}{line}: broken TOML ({what}). Lines read KEY = VALUE, texts in quotes, phases as [PHASE]; {SHOW}"
        ) from None


def _override(override: str) -> _Layer:
    key, equals, text = (part.strip() for part in override.partition("="))
    where = f"--set {override}"
    if not equals or not key:
        raise BadInput(f"{where}: is not KEY=VALUE. Write --set batch=128, or --set sequence-item.batch=128.")
    table, dot, inner = key.partition(".")
    value = _spoken(where, text)
    if isinstance(value, str) and (table == "chains" or (inner or table) == "augmentations"):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return _layer(where, {table: {inner: value}} if dot else {table: value})


def _spoken(where: str, text: str) -> Any:
    """The value of a `--set`: TOML where it is TOML, else the words as they stand."""
    try:
        read = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        read = {}
    if list(read) == ["value"]:
        return read["value"]
    if not text or text[0] in "\"'[{":
        raise BadInput(f'{where}: the value is not complete. Write it as in TOML: 64, 2e-5, true, words, ["crop"].')
    return text


def _layer(where: str, document: Mapping[str, Any]) -> _Layer:
    """What a document says, checked: every complaint begins with `where`."""
    layer = _Layer()
    tables = (*map(str, Phase), "chains")
    for key, value in document.items():
        if key == "chains":
            layer.chains = _chains(where, value)
        elif key in tables:
            if not isinstance(value, dict):
                raise BadInput(f"{where}: {key} = {_shown(value)} is no table. Write [{key}], then KEY = VALUE lines.")
            layer.phases[Phase(key)] = {inner: _known(f"{where} [{key}]", inner, value[inner]) for inner in value}
        elif isinstance(value, dict) and key not in KEYS:
            raise _at(where, unknown("phase", key, tables))
        else:
            layer.every[key] = _known(where, key, value)
    return layer


def _known(where: str, key: str, value: Any) -> Any:
    if key not in KEYS:
        raise _at(where, unknown("setting", key, KEYS, SHOW))
    try:
        return _checked(key, value)
    except BadInput as error:
        raise _at(where, error) from None


def _chains(where: str, value: Any) -> dict[str, tuple[Phase, ...]]:
    if not isinstance(value, dict):
        raise BadInput(f'{where}: chains = {_shown(value)} is no table. Write [chains], then NAME = ["sequence-item"].')
    chains = {}
    for name, phases in value.items():
        if name in VARIANTS:
            raise BadInput(f'{where}: chain "{name}" has the name of a built-in variant. Choose another name.')
        if not re.fullmatch(r"\w[\w-]*", name):
            raise BadInput(f'{where}: chain "{name}": allowed are letters, digits, - and _. Choose another name.')
        allowed = f"Allowed: a list of phases, each once, of {', '.join(Phase)}."
        if not isinstance(phases, list) or not phases or not all(isinstance(phase, str) for phase in phases):
            raise BadInput(f'{where}: chain "{name}" = {_shown(phases)} is no list of phases. {allowed}')
        for phase in phases:
            if phase not in tuple(Phase):
                raise _at(f'{where} chain "{name}"', unknown("phase", phase, Phase))
        if len(set(phases)) < len(phases):
            raise BadInput(f'{where}: chain "{name}" = {_shown(phases)} names a phase twice. {allowed}')
        chains[name] = tuple(map(Phase, phases))
    return chains


def _checked(key: str, value: Any) -> Any:
    """The value in its field's type; `BadInput` with key, got and allowed."""
    default, choices = DEFAULTS[key], CHOICES.get(key, ())
    if isinstance(default, bool):
        fits, allowed = isinstance(value, bool), "true or false"
    elif isinstance(default, int | float):
        whole = isinstance(default, int)
        number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        fits = number and RANGES[key].holds(value)
        allowed = f"a {'whole number' if whole else 'number'} {RANGES[key]}"
        value = float(value) if fits and not whole else value
    elif isinstance(default, tuple):
        fits = isinstance(value, list | tuple) and len(value) > 0 and all(isinstance(part, str) for part in value)
        allowed = f"a list, each at most once, of {', '.join(choices)}"
        for part in value if fits else ():
            if part not in choices:
                raise unknown(key, part, choices)
        fits = fits and len(set(value)) == len(value)
        value = tuple(value) if fits else value
    else:
        fits, allowed = isinstance(value, str), " or ".join(choices)
        if fits and value not in choices:
            raise unknown(key, value, choices)
        value = str(value) if fits else value
    if not fits:
        raise BadInput(f"{key} = {_shown(value)} is not allowed. Allowed: {allowed}.")
    return value


def _shown(value: Any) -> str:
    """A value as TOML would write it, short."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_shown, value[:5]))}{', …' if len(value) > 5 else ''}]"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _at(where: object, error: BadInput) -> BadInput:
    return BadInput(f"{where}: {error}")
