"""`st5 recipes`: how the phases can be trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.commands.options import JsonOption
from engine.commands.output import print_json, print_table, say

if TYPE_CHECKING:
    from engine.training.recipe import Recipe


def recipes(
    name: Annotated[str, typer.Argument(help="A named recipe or a TOML file, in full.")] = "",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="[PHASE.]KEY=VALUE", help="Show it with this changed; may be repeated."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List recipes, or show one in full.

    Example: st5 recipes modern --set sequence-item.epochs=5
    """
    from engine.training.recipe import load_recipe, recipe_names
    from store.errors import BadInput

    if settings and not name:
        raise BadInput("--set changes one recipe, and none is named. Say which: st5 recipes modern --set batch=128.")
    if name:
        recipe = load_recipe(name, settings or ())
        if as_json:
            print_json(recipe.document())
        else:
            _show(recipe)
        return
    found = [load_recipe(each) for each in recipe_names()]
    if as_json:
        print_json([{"name": recipe.name, "summary": recipe.summary} for recipe in found])
    else:
        print_table(["name", "summary"], [(recipe.name, recipe.summary) for recipe in found])
        say("`st5 recipes NAME` shows one in full. Use it with `st5 train final --recipe NAME --datasets …`.")


def _show(recipe: Recipe) -> None:
    """What every phase shares, then what differs side by side, then the chains."""
    from engine.training.recipe import KEYS

    phases = {str(phase): settings.document() for phase, settings in recipe.phases.items()}
    keys = [key for key in KEYS if any(key in values for values in phases.values())]
    told = {key: [values.get(key) for values in phases.values()] for key in keys}
    alike = {key: values[0] for key, values in told.items() if all(value == values[0] for value in values)}
    print_table(["every phase", "value"], [(key, _value(value)) for key, value in alike.items()], title=recipe.summary)
    rows = [(key, *map(_value, values)) for key, values in told.items() if key not in alike]
    if rows:
        print_table(["by phase", *phases], rows)
    chains = [(name, " → ".join(chain) or "nothing is trained") for name, chain in recipe.chains.items()]
    print_table(["variant", "phases"], chains)


def _value(value: Any) -> str:
    """A setting as `--set` takes it; a dash where the phase does not read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, list) else f"{value}"
