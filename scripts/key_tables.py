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
from workbench.data.items import ItemsScreen
from workbench.data.screen import DataScreen
from workbench.help.guide import GuideScreen
from workbench.home.screen import HomeScreen
from workbench.jobs.log_pane import JobLog
from workbench.jobs.quit import QuitDialog
from workbench.jobs.screen import JobsScreen
from workbench.launch.dialog import LaunchDialog
from workbench.map.map_canvas import MapCanvas
from workbench.map.map_panel import LegendTable
from workbench.map.screen import MapScreen
from workbench.results.compare import CompareScreen
from workbench.results.drill_down_screen import DrillDownScreen
from workbench.results.experiment import ExperimentScreen
from workbench.results.screen import ResultsScreen
from workbench.results.searches import SearchesScreen
from workbench.ui.area import AreaScreen
from workbench.ui.choice import ChoiceDialog
from workbench.ui.choice_field import ChoiceField
from workbench.ui.confirm import ConfirmDialog
from workbench.ui.dialog import Dialog
from workbench.ui.export import ExportDialog
from workbench.ui.file_picker import FilePicker
from workbench.ui.filter_line import FilterLine
from workbench.ui.key_names import shown
from workbench.ui.mark_list import MarkList
from workbench.ui.path_field import PathField
from workbench.ui.search_line import SearchLine
from workbench.ui.table import Table
from workbench.ui.value import ValueDialog
from workbench.users.add_item import AddItemDialog, ItemLine
from workbench.users.ask import EventFilterDialog, EventFilterLine
from workbench.users.edit_history import EditHistoryScreen
from workbench.users.screen import UsersScreen

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
