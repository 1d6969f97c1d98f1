"""What an experiment was asked with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from engine.experiments.definition import definition_names
from engine.measuring.choices import Averaging
from store.enums import Seen


@dataclass(frozen=True)
class Arguments:
    """models: instead of the definition's (() for those); backbone, recipe: of what is trained, "" for the defaults.

    seeds: of what is trained; sample: events per dataset, 0 for all, None for the definition's; settings:
    `KEY=VALUE` for trainings, `NAME.KEY=VALUE` for the baseline or predictor NAME. seen None shows both rules.
    """

    datasets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    backbone: str = ""
    recipe: str = ""
    seeds: tuple[int, ...] = (0,)
    sample: int | None = None
    settings: tuple[str, ...] = ()
    seen: Seen | None = None
    mean: Averaging = Averaging.EVENT
    train: bool = False

    def document(self) -> dict[str, Any]:
        """As JSON holds it; `arguments_of` reads it again."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def command(self, name: str) -> tuple[str, ...]:
        """The command line after `st5` that asks for the experiment of this name again."""
        words = ["experiment", name if name in definition_names() else f"./{name}.toml"]
        lists = {"--datasets": self.datasets, "--models": self.models}
        for option, names in lists.items():
            words += [option, ",".join(names)] if names else []
        words += ["--backbone", self.backbone] if self.backbone else []
        words += ["--recipe", self.recipe] if self.recipe else []
        words += ["--seeds", ",".join(map(str, self.seeds))] if self.seeds != (0,) else []
        words += ["--sample", str(self.sample)] if self.sample is not None else []
        for setting in self.settings:
            words += ["--set", setting]
        words += ["--train"] if self.train else []
        words += ["--seen", self.seen] if self.seen else []
        words += ["--mean", self.mean] if self.mean is not Averaging.EVENT else []
        return tuple(map(str, words))


def arguments_of(document: Mapping[str, Any]) -> Arguments:
    """The arguments that `document` wrote; keys of other versions are left out."""
    known = {field.name for field in fields(Arguments)}
    values: dict[str, Any] = {key: value for key, value in document.items() if key in known}
    values |= {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    if values.get("seen"):
        values["seen"] = Seen(values["seen"])
    if "mean" in values:
        values["mean"] = Averaging(values["mean"])
    return Arguments(**values)
