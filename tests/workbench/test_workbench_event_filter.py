"""Questions about events: how they are read, what they find, and that they are found again."""

from __future__ import annotations

import numpy as np
import pytest
import shop
from conftest import check_snapshot, notifications, press, screen_text, settle, until

from engine.queries.event_filter import EXAMPLES, EventFilter, Within, parse
from store.errors import BadInput
from store.evaluations import evaluated_events, evaluations, ranks
from store.workspace import Workspace
from workbench.application import Workbench
from workbench.ui.table import Table
from workbench.ui.ui_state import UsersChoice, from_json, load
from workbench.users.screen import UsersScreen
from workbench.users.user_event import count_matching_events, read_user_event, read_users

DATASET = "movielens-small"


def test_a_question_is_read_as_people_type_it() -> None:
    asked = parse("a in the TOP 10 ,  b is not in top 50 and length 5 to 20; cold")
    assert asked == EventFilter((Within(0, 10, True), Within(1, 50, False)), length=(5, 20), target="cold")
    assert asked.words == "A in top 10, B not in top 50, length 5-20, cold target"
    assert parse(asked.words) == asked
    assert parse("length 5").length == (5, 5)
    assert parse("length 5+").length == (5, None)
    assert parse("A above C").models == (0, 2)
    assert parse("  ") == EventFilter()
    assert all(parse(example).words == example for example in EXAMPLES)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("A in top ten", '"A in top ten" is not a valid condition. Conditions: A in top 10'),
        ("D in top 10", '"D in top 10" is not a valid condition'),
        ("A in top 0", "a top has at least one place"),
        ("A above A", "a model is never above itself"),
        ("length 9-2", "the longest is shorter than the shortest"),
        ("cold target, [b]\x1b[2J", "is not a valid condition"),
    ],
)
def test_what_is_no_question_is_said(words: str, problem: str) -> None:
    with pytest.raises(BadInput) as raised:
        parse(words)
    assert problem in str(raised.value)


def event_numbers(workspace: Workspace, words: str, *, seen: str = "mask") -> set[int]:
    """The events that answer a question, counted here one by one; A is only, B is pop."""
    with workspace.read() as db:
        own = {e.model: e for e in evaluations(db, dataset=DATASET)}
        choice = UsersChoice(DATASET, left=own["only"].key, right=own["pop"].key, seen=seen)
        events = evaluated_events(db, own["only"])
        a, b = ranks(db, own["only"]), ranks(db, own["pop"])
        trained = {
            int(item)
            for row in db.execute(
                "SELECT items, train_length FROM sequence WHERE dataset_id = (SELECT id FROM dataset WHERE name = ?)",
                (DATASET,),
            )
            for item in np.frombuffer(row["items"], "<i4")[: row["train_length"]]
        }
    suffix = "_masked" if seen == "mask" else ""

    def rank(stored: object, row: int) -> float:
        return float(getattr(stored, f"better{suffix}")[row] + 1 + getattr(stored, f"tied{suffix}")[row] / 2)

    question = parse(words)
    expected = set()
    for row in range(len(events)):
        places = (rank(a, row), rank(b, row))
        meets = all((places[part.model] <= part.top) == part.inside for part in question.within)
        meets &= all(places[one] < places[other] for one, other in question.above)
        least, most = question.length or (0, None)
        meets &= least <= events.length[row] <= (10**9 if most is None else most)
        meets &= not question.target or (question.target == "warm") == (int(events.item[row]) in trained)
        if meets:
            expected.add(int(events.event[row]))
    asked = count_matching_events(workspace, choice, words)
    assert asked.looked_at == len(events)
    assert set(asked.event.tolist()) == expected
    return expected


def test_the_events_found_are_those_that_meet_every_part(workspace: Workspace) -> None:
    counts = [
        len(event_numbers(workspace, words, seen=seen))
        for seen in ("mask", "keep")
        for words in (
            "A in top 10",
            "A in top 30, B not in top 50",
            "A above B",
            "length 5-9",
            "A not in top 10, length 12+",
            "warm target",
        )
    ]
    assert all(0 < count < 60 for count in counts[:5])
    assert counts[0] + len(event_numbers(workspace, "A not in top 10")) == 60
    assert len(event_numbers(workspace, "warm target")) + len(event_numbers(workspace, "cold target")) == 60


def test_a_model_that_is_not_there_is_named(workspace: Workspace) -> None:
    with pytest.raises(BadInput, match="there is no model C here"):
        count_matching_events(workspace, UsersChoice(DATASET), "C in top 10")


def test_events_that_a_sample_leaves_out_are_not_asked_about(workspace: Workspace) -> None:
    small = shop.evaluate(workspace, "pop", DATASET, sample=3)
    with workspace.read() as db:
        only = next(e for e in evaluations(db, dataset=DATASET) if e.model == "only")
    asked = count_matching_events(
        workspace, UsersChoice(DATASET, left=only.key, right=small.key), "A in top 100, B in top 100"
    )
    assert (asked.looked_at, len(asked.event)) == (3, 3)


def test_next_random_and_the_list_stay_among_the_events_asked_for(workspace: Workspace) -> None:
    choice = UsersChoice(DATASET, question="A in top 30")
    view = read_user_event(workspace, choice, "asked")
    assert view.matching is not None
    assert view.user_event is not None
    wanted = view.matching.event.tolist()
    assert view.user_event.walked == len(wanted) < 60
    walked = [view.user_event.event.event]
    while len(walked) < len(wanted):
        choice.event = walked[-1]
        view = read_user_event(workspace, choice, "next", view.matching)
        walked.append(view.user_event.event.event)  # type: ignore[union-attr]
    assert walked == wanted
    drawn = {read_user_event(workspace, choice, "random", view.matching).user_event.event.event for _ in range(20)}  # type: ignore[union-attr]
    assert drawn <= set(wanted)
    assert len(drawn) > 1
    page = read_users(workspace, DATASET, "", matching=view.matching)
    assert {user for user, _ in page.users} == set(view.matching.user.tolist())
    assert page.total == len(page.users)
    narrowed = read_users(workspace, DATASET, "user0001", matching=view.matching)
    assert [key for _, key in narrowed.users] == [key for _, key in page.users if key.startswith("user0001")]
    assert narrowed.total == len(narrowed.users)


async def test_a_question_is_typed_counted_asked_ended_and_found_again_after_a_restart(workspace: Workspace) -> None:
    app = Workbench(workspace)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5 f")
        await press(pilot, " ".join("bogus"))
        assert '"bogus" is not a valid condition' in screen_text(app)
        await press(pilot, "enter")  # nothing to ask: the dialog stays
        assert '"bogus" is not a valid condition' in screen_text(app)
        await press(pilot, "backspace " * 5 + "a space t o p space 3 0")
        count = count_matching_events(workspace, app.ui_state.users, "A in top 30")
        events = f"{len(count.event)} of 60 events, {len(count.event)} users"
        await until(pilot, events)
        await press(pilot, "enter")
        text = await until(pilot, "f events A in top 30")
        assert f"n p r event 1 of {len(count.event)}" in text
        assert f"Users  {len(count.event)}  matching" in text
        await press(pilot, "n")
        assert f"n p r event 2 of {len(count.event)}" in screen_text(app)
        await press(pilot, "q")
    again = Workbench(workspace)
    async with again.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        assert f"n p r event 2 of {len(count.event)}" in screen_text(again)
        await press(pilot, "escape")
        assert "f events all" in screen_text(again)
        assert "of 60" in screen_text(again)
        await press(pilot, "f")
        assert "A in top 30  recent" in screen_text(again)
        await press(pilot, "delete")  # the newest is chosen
        assert "recent" not in screen_text(again)
        await press(pilot, "escape q")
    assert load(workspace).questions == []


async def test_a_question_that_cannot_be_asked_here_says_so_and_everybody_stays(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    app.ui_state.users.question = "C in top 10"
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5")
        assert "there is no model C here" in notifications(app)
        assert "f events all" in screen_text(app)
        app.ui_state.users.question = "length 999"
        await press(pilot, "f5")
        assert "n p r event none answers" in screen_text(app)
        before = app.ui_state.users.event
        await press(pilot, "n p r")
        assert app.ui_state.users.event == before


async def test_where_nothing_is_evaluated_there_is_nothing_to_ask(workspace: Workspace) -> None:
    app = Workbench(workspace, readonly=True)
    app.ui_state.users.dataset = "shop-kitchen"
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await press(pilot, "5 f")
        assert "there is nothing to ask about" in notifications(app)
        assert isinstance(app.screen, UsersScreen)


def test_what_is_stored_amiss_gives_way() -> None:
    assert from_json({"questions": ["A above B", 3, None], "users": {"question": 7, "third": []}}).questions == [
        "A above B"
    ]
    assert from_json({"questions": "A above B"}).questions == []


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_three_models_stand_side_by_side(workspace: Workspace, size: tuple[int, int]) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, "5 c j enter")
        assert app.screen.query_one("#third-picks", Table).row_count == 10
        check_snapshot(app, f"users-three-{size[0]}x{size[1]}")
        await press(pilot, "c g enter")
        assert not app.screen.query_one("#third").display


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("name", "keys"), [("ask", "5 f down"), ("event", "5 i")])
async def test_layers_of_users(workspace: Workspace, name: str, keys: str, size: tuple[int, int]) -> None:
    app = Workbench(workspace, readonly=True)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await press(pilot, keys)
        check_snapshot(app, f"{name}-{size[0]}x{size[1]}")
