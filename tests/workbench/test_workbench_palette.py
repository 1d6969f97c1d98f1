"""The palette goes to users, items, jobs and models by their names."""

from __future__ import annotations

import shop
from conftest import press, screen_text, settle, until
from textual.pilot import Pilot

from store.workspace import Workspace
from workbench.application import Workbench
from workbench.go_to import PaletteTarget, find_palette_targets


def targets(workspace: Workspace, words: str) -> list[PaletteTarget]:
    return [place for some in find_palette_targets(workspace, words) for place in some]


async def ask(pilot: Pilot[None], words: str) -> None:
    await press(pilot, "ctrl+p")
    await pilot.press(*("space" if letter == " " else letter for letter in words))


def test_names_are_found_where_they_are(workspace: Workspace) -> None:
    found = targets(workspace, "user00012")
    assert {(place.kind, place.name, place.score) for place in found} == {("user", "user00012", 1.0)}
    assert "of movielens-small" in {place.about for place in found}
    titles = [place.name for place in targets(workspace, "orchard golden")]
    assert "Golden Orchard (1967)" in titles
    assert [place.kind for place in targets(workspace, "last-it")] == ["model"]
    assert [place.name for place in targets(workspace, "model last-it")] == ["last-item"]
    assert {place.kind for place in targets(workspace, "user user0001")} == {"user"}
    assert {place.kind for place in targets(workspace, "o")} == {"model"}
    assert targets(workspace, "  ") == []


def test_a_long_catalogue_is_looked_through_to_its_end(workspace: Workspace) -> None:
    titles = [f"plain thing {number}" for number in range(6_000)]
    shop.add_dataset(workspace, "zoo", users=5, items=6_001, seed=3, titles=[*titles, "Rare Okapi"])
    assert [place.name for place in targets(workspace, "item okapi")] == ["Rare Okapi"]
    assert [place.name for place in targets(workspace, "okapi")] == ["Rare Okapi"]
    assert len(targets(workspace, "item plain thing")) == 5
    some = next(iter(find_palette_targets(workspace, "okapi")))
    assert some == []  # what comes first does not wait for it


async def test_it_goes_there(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await ask(pilot, "user00012")
        await until(pilot, "user user00012")
        await press(pilot, "enter")
        assert "user00012  1 event" in await until(pilot, "user00012  1 event")
        await ask(pilot, "golden orchard")
        await until(pilot, "item Golden Orchard")
        await press(pilot, "enter")
        await until(pilot, "description")
        await press(pilot, "escape")
        await ask(pilot, "model last")
        await until(pilot, "model last-item")
        await press(pilot, "enter")
        assert "weights_hash" in await until(pilot, "Model last-item")
        assert "Traceback" not in screen_text(app)


async def test_a_job_by_its_number(workspace: Workspace) -> None:
    number = shop.add_job(workspace, "evaluate pop --datasets shop-garden")
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await ask(pilot, f"job {number}")
        await until(pilot, f"job {number}")
        await press(pilot, "enter")
        await until(pilot, "[3 Jobs]")
