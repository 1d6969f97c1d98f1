"""Writes the tables of keys into the pages of the workbench: the binding tables themselves, so that neither goes stale.

`python -m scripts.key_tables` fills what lies between `<!-- keys: NAME -->` and `<!-- end -->` in `docs/workbench`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from textual.binding import Binding
from textual.dom import DOMNode

from workbench.application import Workbench
from workbench.key_names import shown
from workbench.screens.add_item import AddItemDialog, ItemLine
from workbench.screens.area import AreaScreen
from workbench.screens.ask import EventFilterDialog, EventFilterLine
from workbench.screens.choice import ChoiceDialog
from workbench.screens.compare import CompareScreen
from workbench.screens.confirm import ConfirmDialog
from workbench.screens.data import DataScreen
from workbench.screens.dialog import Dialog
from workbench.screens.drill_down import DrillDownScreen
from workbench.screens.edit_history import EditHistoryScreen
from workbench.screens.experiment import ExperimentScreen
from workbench.screens.export import ExportDialog
from workbench.screens.file_picker import FilePicker
from workbench.screens.guide import GuideScreen
from workbench.screens.home import HomeScreen
from workbench.screens.items import ItemsScreen
from workbench.screens.jobs import JobsScreen
from workbench.screens.launch import LaunchDialog
from workbench.screens.map import MapScreen
from workbench.screens.quit import QuitDialog
from workbench.screens.results import ResultsScreen
from workbench.screens.searches import SearchesScreen
from workbench.screens.users import UsersScreen
from workbench.screens.value import ValueDialog
from workbench.widgets.choice_field import ChoiceField
from workbench.widgets.filter_line import FilterLine
from workbench.widgets.log_pane import JobLog
from workbench.widgets.map_canvas import MapCanvas
from workbench.widgets.map_panel import LegendTable
from workbench.widgets.mark_list import MarkList
from workbench.widgets.path_field import PathField
from workbench.widgets.search_line import SearchLine
from workbench.widgets.table import Table

PAGES = Path(__file__).resolve().parents[1] / "docs" / "workbench"
EVERYWHERE = (Workbench, AreaScreen, Dialog, Table)  # their keys are in help.md, not in every table again
TABLES: dict[str, tuple[type[DOMNode], ...]] = {
    "home": (HomeScreen,),
    "data": (DataScreen,),
    "items": (ItemsScreen,),
    "jobs": (JobsScreen,),
    "log": (JobLog,),
    "launch": (LaunchDialog,),
    "choice": (ChoiceField,),
    "marks": (MarkList,),
    "path": (PathField,),
    "picker": (FilePicker,),
    "results": (ResultsScreen,),
    "compare": (CompareScreen,),
    "behind": (DrillDownScreen,),
    "experiment": (ExperimentScreen,),
    "searches": (SearchesScreen,),
    "export": (ExportDialog,),
    "users": (UsersScreen,),
    "search": (SearchLine,),
    "ask": (EventFilterDialog, EventFilterLine),
    "edit": (EditHistoryScreen,),
    "add": (AddItemDialog, ItemLine),
    "map": (MapScreen,),
    "canvas": (MapCanvas,),
    "legend": (LegendTable,),
    "guide": (GuideScreen,),
    "everywhere": (Workbench, AreaScreen),
    "tables": (Table,),
    "filter": (FilterLine,),
    "dialogs": (Dialog,),
    "reading": (ValueDialog,),
    "choices": (ChoiceDialog,),
    "confirm": (ConfirmDialog,),
    "quit": (QuitDialog,),
}
PART = re.compile(r"(<!-- keys: (\w+) -->\n)(.*?)(<!-- end -->)", re.S)


def bindings(kinds: Iterable[type[DOMNode]]) -> Iterator[Binding]:
    """The keys of these parts, each once, a part's own before what it has from others; without those of everywhere."""
    told: set[str] = set()
    for kind in kinds:
        for owner in kind.__mro__:
            if not owner.__module__.startswith("workbench") or (owner in EVERYWHERE and owner is not kind):
                continue
            for binding in owner.__dict__.get("BINDINGS", ()):
                if not binding.system and binding.id not in told:
                    told.add(binding.id)
                    yield binding


def table(name: str) -> str:
    """One table as Markdown."""
    rows = ["| key | | what it does |", "|---|---|---|"]
    for binding in bindings(TABLES[name]):
        keys = " ".join(_code(shown(key)) for key in binding.key.split(",") if not key.startswith("super+"))
        rows.append(f"| {keys} | {binding.description} | {binding.tooltip} |")
    return "\n" + "\n".join(rows) + "\n\n"


def filled(text: str) -> str:
    """A page with its tables as they are now; `KeyError` for a name that is no table."""
    return PART.sub(lambda part: part[1] + table(part[2]) + part[4], text)


def main() -> None:
    """Write the key tables into the pages that lack the current ones."""
    for page in sorted(PAGES.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        now = filled(before)
        if now != before:
            page.write_text(now, encoding="utf-8")
            print(page)


def _code(key: str) -> str:
    return f"`{key}`" if key != "|" else r"`\|`"


if __name__ == "__main__":
    main()
