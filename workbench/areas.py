"""The areas of the workbench and the key of each. A number stays with its area when others come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.screen import Screen


@dataclass(frozen=True)
class Area:
    """One screen of the workbench; `make` imports it when it is first opened."""

    key: str
    name: str
    title: str
    purpose: str
    make: Callable[[], Screen[Any]]


def _home() -> Screen[Any]:
    from workbench.home.screen import HomeScreen

    return HomeScreen()


def _data() -> Screen[Any]:
    from workbench.data.screen import DataScreen

    return DataScreen()


def _results() -> Screen[Any]:
    from workbench.results.screen import ResultsScreen

    return ResultsScreen()


def _users() -> Screen[Any]:
    from workbench.users.screen import UsersScreen

    return UsersScreen()


def _jobs() -> Screen[Any]:
    from workbench.jobs.screen import JobsScreen

    return JobsScreen()


def _map() -> Screen[Any]:
    from workbench.map.screen import MapScreen

    return MapScreen()


def _guide() -> Screen[Any]:
    from workbench.help.guide import GuideScreen

    return GuideScreen()


AREAS = (
    Area("1", "home", "Home", "What is here, and what to do next", _home),
    Area("2", "data", "Data", "The datasets, how they are spread, and their items", _data),
    Area("3", "jobs", "Jobs", "What runs and ran, how it goes, and a form to start more", _jobs),
    Area("4", "results", "Results", "Models compared, slice by slice", _results),
    Area("5", "users", "Users", "One user's history beside what up to three models recommend", _users),
    Area("6", "map", "Map", "Items or users as points: near each other where a model finds them alike", _map),
    Area("7", "guide", "Help", "The way to an answer, the words and numbers, and every key", _guide),
)
