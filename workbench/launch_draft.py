"""What the form for new jobs holds, as a command line, and what is wrong with it by the engine's own rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from store import datasets as dataset_store
from store import models as model_store
from store.errors import Problem
from store.workspace import Workspace

ONLY = "only"
VARIANTS = (ONLY, "nopre", "itempre", "final")
BASELINES = ("pop", "pop-recent", "last-item", "bm25", "sasrec", "unisrec")
OVER_TEXT = ("last-item", "unisrec")  # baselines that take the vectors of a text model
HISTORIES = ("structured", "unstructured", "instruction+structured", "instruction+unstructured")
ITEM_TEXTS = ("title", "title+description", "fields")
RECIPES = ("demo", "modern", "thesis")  # until the recipes themselves are read
SMALLEST_SEED, LARGEST_SEED = 0, 2**32 - 1  # what numpy and torch both take


class Kind(StrEnum):
    """What can be launched; each is a command of the same name."""

    TRAIN = "train"
    EVALUATE = "evaluate"
    BASELINE = "baseline"


@dataclass(frozen=True)
class Draft:
    """The fields of the form as they stand; a text is empty where the command's own default holds."""

    kind: Kind = Kind.TRAIN
    variant: str = "nopre"
    datasets: tuple[str, ...] = ()
    backbone: str = ""
    recipe: str = "modern"
    settings: tuple[str, ...] = ()
    name: str = ""
    seed: str = ""
    models: tuple[str, ...] = ()
    sample: str = ""
    history: str = HISTORIES[0]
    item_text: str = ITEM_TEXTS[0]
    baseline: str = BASELINES[0]
    features: str = ""
    device: str = ""

    @property
    def trains(self) -> bool:
        """Whether there is something to train: `only` takes the backbone as it is."""
        return self.kind is Kind.TRAIN and self.variant != ONLY

    @property
    def is_job(self) -> bool:
        """Whether it becomes a job; making `only` is done before one could look at it."""
        return self.kind is not Kind.TRAIN or self.trains

    def words(self) -> list[str]:
        """The command line after `st5`; what is at its default is left out."""
        own = {Kind.TRAIN: self._train, Kind.EVALUATE: self._evaluate, Kind.BASELINE: self._baseline}[self.kind]()
        return [self.kind.value, *own, *_option("--device", self.device), *(["--detach"] if self.is_job else [])]

    def _train(self) -> list[str]:
        words = [self.variant]
        if self.trains:
            words += _option("--datasets", ",".join(self.datasets))
        words += _option("--backbone", self.backbone)
        if self.trains:
            words += ["--recipe", self.recipe]
            for setting in self.settings:
                words += ["--set", setting]
        return [*words, *_option("--name", self.name), *(_option("--seed", self.seed) if self.trains else [])]

    def _evaluate(self) -> list[str]:
        words = [*self.models, *_option("--datasets", ",".join(self.datasets)), *_option("--sample", self.sample)]
        words += _option("--seed", self.seed) if self.sample else []
        words += _option("--history", self.history if self.history != HISTORIES[0] else "")
        return words + _option("--item-text", self.item_text if self.item_text != ITEM_TEXTS[0] else "")

    def _baseline(self) -> list[str]:
        words = [self.baseline, *_option("--datasets", ",".join(self.datasets))]
        return words + (_option("--features", self.features) if self.baseline in OVER_TEXT else [])


@dataclass(frozen=True)
class Offer:
    """What there is to choose from. `summaries` says of each recipe what it is for; `trouble` what cannot be read."""

    datasets: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()
    text_models: tuple[str, ...] = ()
    recipes: tuple[str, ...] = RECIPES
    summaries: tuple[tuple[str, str], ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the engine says to a draft: what is wrong, or which phases it would run; and the recipe's variants."""

    problems: tuple[str, ...]
    phases: str = ""
    variants: tuple[str, ...] = VARIANTS


def read_offer(workspace: Workspace) -> Offer:
    """Datasets and models of the workspace, recipes of the program."""
    from engine.training.recipe import load_recipe, recipe_names

    found: list[tuple[str, str]] = []
    models: list[str] = []
    text_models: list[str] = []
    trouble = ""
    if workspace.exists():
        try:
            with workspace.read() as db:
                own = dataset_store.datasets(db)
                found = [(each.name, f"{each.events.get('train', 0):,} train events") for each in own]
                stored = model_store.models(db)
                models = [model.name for model in stored]
                text_models = [model.name for model in stored if model.kind == "text"]
        except (Problem, ValueError, KeyError, TypeError) as error:
            trouble = f"Datasets and models cannot be read: {error}"
    ready = [name for name in model_store.MADE_ON_FIRST_USE if name not in models]
    names = recipe_names()
    summaries = tuple((name, load_recipe(name).summary) for name in names)
    return Offer(tuple(found), (*models, *ready), tuple(text_models), tuple(names), summaries, trouble)


def judge(draft: Draft, offer: Offer) -> Verdict:
    """Everything that the command would refuse at once, said before it is started."""
    problems: list[str] = []
    phases = ""
    variants: tuple[str, ...] = VARIANTS
    if draft.kind is Kind.TRAIN:
        problems += _name_problems(draft.name)
        variants, phases, wrong = _recipe(draft)
        problems += wrong
        if draft.trains and not draft.datasets:
            problems.append("Choose at least one dataset to train on (Space marks it).")
        problems += _whole("seed", draft.seed, SMALLEST_SEED, LARGEST_SEED) if draft.trains else []
    else:
        if draft.kind is Kind.EVALUATE and not draft.models:
            problems.append("Choose at least one model (Space marks it).")
        if not draft.datasets:
            problems.append("Choose at least one dataset to evaluate on (Space marks it).")
        if draft.kind is Kind.EVALUATE:
            problems += _whole("sample", draft.sample, 0, 10**12)
            problems += _whole("seed", draft.seed, SMALLEST_SEED, LARGEST_SEED) if draft.sample else []
    if offer.trouble:
        problems.append(offer.trouble)
    elif draft.is_job and not offer.datasets and not draft.datasets:
        problems = ["There is no dataset yet: `st5 ingest …` or `st5 demo` brings one."]
    return Verdict(tuple(problems), phases, variants)


def _recipe(draft: Draft) -> tuple[tuple[str, ...], str, list[str]]:
    """Variants of the recipe, the phases of the one chosen, and what the engine says against them."""
    from engine.training.recipe import load_recipe

    variants: tuple[str, ...] = VARIANTS
    try:
        variants = tuple(load_recipe(draft.recipe).chains)
        recipe = load_recipe(draft.recipe, draft.settings)
        chain = recipe.chain(draft.variant)
    except Problem as error:
        return variants, "", [str(error)]
    return tuple(recipe.chains), " → ".join(phase.value for phase in chain) or "nothing is trained", []


def _whole(what: str, text: str, low: int, high: int) -> list[str]:
    if not text or (text.isascii() and text.isdigit() and low <= int(text) <= high):
        return []
    return [f'{what} "{text}" is not a whole number from {low} to {high:,}.']


def _name_problems(name: str) -> list[str]:
    """The rule of `engine.models.check_name`, which cannot be asked here: the module around it leads to torch."""
    if not name or (all(c.isalnum() or c in "-_.+" for c in name) and name[0] not in "-."):
        return []
    return [f'"{name}" cannot be a name. Allowed: letters, digits, - _ . + (not first: - or .).']


def _option(name: str, value: str) -> list[str]:
    return [name, value] if value else []
