"""A channel that asks a system: pages, the cursor, and what goes wrong; stepped by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router import Answer, Retryable
from router.core.errors import Unavailable
from router.core.progress import Progress
from router.runtime.cursors import poll_data, poll_line
from router.runtime.operator import carry_out
from tests.unit.runtime.conftest import Landscape

CHANNEL = """
    channel: desk
    owner: us
    from:
      poll:
        call: depot.list
        with: {since: "=first_of(cursor, 'none')", token: "=first_of(next, 'none')"}
        every: 5m
        next: =body.next
        cursor: {value: "=max(body.rows[].at)", CURSOR}
        MORE
      records: =body.rows
    kind: =`"plain"`
    identity: {object: [=body.id], compare: [=body.amount]}
    routes:
      plain:
        accept: order@1
        steps:
          - transform: shop/thing
          - produce: {object: thing@1}
    otherwise: [{discard: not wanted}]
    on_failure: patient
    """
SYSTEM = """
    system: depot
    owner: us
    adapter: wire
    on_failure: patient
    operations:
      list:
        arguments: [since, token]
        returns: page@1
        request: {ask: "/list/{since}/{token}"}
        RULES
    """
#: it says so little that what is wrong with a page shows when it has come
PAGE = {
    "type": "object",
    "required": ["rows"],
    "properties": {"rows": {"not": {"type": "string"}}, "next": {}},
}
TEXTS: dict[str, Any] = {
    "contracts/page/contract.yaml": """
        contract: page
        owner: us
        versions: {1.0.0: {status: active}}
        """,
    "contracts/page/1.0.0.json": PAGE,
    "routes/systems/depot.yaml": SYSTEM,
    "routes/environments/test.yaml": """
        environment: test
        store: {sqlite: store.db}
        systems: {far: {}, depot: {}}
        """,
}
FIRST = "2025-01-01T00:00:00Z"


class Depot:
    """A system with pages, and the landscape that asks it."""

    def __init__(self, root: Path, noon: Any, cursor: str, more: str) -> None:
        text = CHANNEL.replace("CURSOR", cursor).replace("MORE", more)
        self.land = Landscape(root, noon, {**TEXTS, "routes/channels/desk.yaml": text})
        self.wire = self.land.exchange.adapters["depot"]
        self.wire.answer = self._answer  # type: ignore[attr-defined]
        self.pages: dict[str, Any] = {}
        (self.poller,) = self.land.parts.pollers

    def _answer(self, target: str) -> Any:
        found = self.pages[target]
        if isinstance(found, dict):
            return Answer(status=200, body=found, raw=json.dumps(found).encode())
        return found

    @property
    def asked(self) -> list[str]:
        return [target for target, _ in self.wire.asked]  # type: ignore[attr-defined]

    def look(self) -> str:
        """Step the poll once; return its complaint."""
        complaint = ""
        try:
            self.poller.step()
        except Unavailable as error:
            complaint = str(error)
        self.land.run()
        return complaint

    def progress(self) -> Progress:
        with self.land.store.read() as reader:
            return reader.cursors.get("desk")

    def word(self, word: str) -> int:
        counted = self.land.counted().items()
        return sum(
            n for (who, said, _), n in counted if said == word and who.partition(":")[0] == "desk"
        )

    def deliveries(self) -> int:
        with self.land.store.read() as reader:
            return int(
                reader._connection.exec_driver_sql("SELECT count(*) FROM deliveries").scalar()
            )

    def set(self, cursor: Any) -> dict[str, Any]:
        now = self.land.clock.now()
        said = {"channel": "desk", "cursor": cursor, "reason": "a test"}
        return self.land.store.write(lambda one: carry_out(one, "cursor", said, now))


@pytest.fixture
def make(tmp_path: Path, noon: Any) -> Iterator[Callable[..., Depot]]:
    made: list[Depot] = []

    def one(cursor: str = f'first: "{FIRST}"', more: str = "") -> Depot:
        made.append(Depot(tmp_path, noon, cursor, more))
        return made[-1]

    yield one
    for depot in made:
        depot.land.parts.close()


def page(*rows: tuple[str, str], then: Any = None) -> dict[str, Any]:
    return {"rows": [{"id": one, "at": at, "amount": "1"} for one, at in rows], "next": then}


def at(hour: int) -> str:
    return f"2025-02-01T{hour:02}:00:00Z"


def test_pages_in_any_order_move_the_cursor_when_the_last_is_taken(
    make: Callable[..., Depot],
) -> None:
    depot = make()
    depot.pages = {
        f"/list/{FIRST}/none": page(("b", at(2)), then="t1"),
        f"/list/{FIRST}/t1": page(("a", at(1))),
        f"/list/{at(2)}/none": page(),
    }
    depot.look()
    assert (depot.progress().cursor, depot.progress().reached) == (FIRST, at(2))
    depot.look()
    assert (depot.progress().cursor, depot.progress().page) == (at(2), 0)
    assert depot.word("routed") == 2
    depot.look()
    assert len(depot.asked) == 2  # it is not time
    depot.land.wait(300)
    depot.look()
    assert depot.asked[-1] == f"/list/{at(2)}/none"
    assert (depot.progress().cursor, depot.deliveries()) == (at(2), 2)  # an empty page is none


def test_a_round_looks_back_and_a_repeat_is_known(make: Callable[..., Depot]) -> None:
    depot = make(f'first: "{FIRST}", lookback: 1h')
    depot.pages = {
        "/list/2024-12-31T23:00:00Z/none": page(("a", at(2))),
        f"/list/{at(1)}/none": page(("a", at(2)), ("b", at(1))),
    }
    depot.look()
    depot.land.wait(300)
    depot.look()
    assert (depot.word("routed"), depot.word("duplicate")) == (2, 1)
    assert depot.progress().cursor == at(2)  # it never goes back by itself


def test_a_page_of_the_same_bytes_is_not_stored_twice(make: Callable[..., Depot]) -> None:
    depot = make('kind: text, first: "x"')
    depot.pages = {"/list/x/none": page(("a", "x"))}
    for _ in range(3):
        depot.look()
        depot.land.wait(300)
    assert (len(depot.asked), depot.deliveries(), depot.word("routed")) == (3, 1, 1)


def test_an_instant_of_the_future_does_not_move_the_cursor_past_now(
    make: Callable[..., Depot], noon: Any
) -> None:
    depot = make()
    depot.pages = {f"/list/{FIRST}/none": page(("a", "2999-01-01T00:00:00Z"))}
    depot.look()
    assert depot.progress().cursor == noon.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert depot.word("routed") == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Retryable("no connection"), "retry no connection"),
        (Answer(status=503), "retry status 503"),
        (Answer(status=409), "refused closed status 409"),
        ({"rows": "no list"}, "the answer"),
        ({"rows": None}, "records: =body.rows is null, not a list"),
        ({"rows": [], "next": {"a": 1}}, "next: is"),
        ({"rows": [{"id": "a", "at": 7}]}, "the cursor is number, and of kind time"),
        (Answer(status=200, body={"rows": []}, raw=b'{"rows": [], "rows": []}'), "rows"),
    ],
)
def test_a_page_that_cannot_be_taken_is_told_and_asked_for_later(
    make: Callable[..., Depot], answer: Any, why: str
) -> None:
    depot = make()
    depot.pages = {f"/list/{FIRST}/none": answer}
    assert why in depot.look()
    assert depot.look() == ""  # no hot loop
    assert len(depot.asked) == 1
    depot.land.wait(5)
    depot.look()
    assert len(depot.asked) == 2
    depot.land.wait(29)
    assert depot.look() == ""
    stuck = depot.progress()
    assert (stuck.failures, stuck.cursor) == (2, FIRST)
    assert why in stuck.trouble
    assert "stuck since" in poll_line(stuck)
    assert (depot.word("poll_failed"), depot.deliveries()) == (1, 0)
    depot.pages = {f"/list/{FIRST}/none": page(("a", at(1)))}
    depot.land.wait(1)
    assert depot.look() == ""
    assert (depot.progress().failures, depot.progress().trouble) == (0, "")
    assert (depot.word("routed"), depot.progress().cursor) == (1, at(1))


def test_the_far_side_says_when_it_wants_to_be_asked_again(make: Callable[..., Depot]) -> None:
    depot = make()
    depot.pages = {f"/list/{FIRST}/none": Answer(status=503, headers={"retry-after": "60"})}
    depot.look()
    depot.land.wait(59)
    depot.look()
    assert len(depot.asked) == 1
    depot.land.wait(1)
    depot.look()
    assert len(depot.asked) == 2


def test_a_round_whose_next_page_is_refused_begins_anew(make: Callable[..., Depot]) -> None:
    depot = make()
    depot.pages = {
        f"/list/{FIRST}/none": page(("a", at(1)), then="old"),
        f"/list/{FIRST}/old": Answer(status=409),
    }
    depot.look()
    assert "refused" in depot.look()
    assert (depot.progress().page, depot.progress().cursor) == (0, FIRST)
    depot.pages = {f"/list/{FIRST}/none": page(("a", at(1)), ("b", at(2)))}
    depot.land.wait(5)
    depot.look()
    assert (depot.word("routed"), depot.word("duplicate")) == (2, 1)
    assert depot.progress().cursor == at(2)


def test_sorted_pages_need_not_be_asked_for_again(make: Callable[..., Depot]) -> None:
    depot = make(more="sorted: true")
    depot.pages = {
        f"/list/{FIRST}/none": page(("a", at(1)), then="old"),
        f"/list/{FIRST}/old": Answer(status=409),
    }
    depot.look()
    depot.look()
    assert depot.progress().cursor == at(1)


def test_a_page_that_leads_to_itself_is_not_followed_for_ever(make: Callable[..., Depot]) -> None:
    depot = make()
    depot.pages = {
        f"/list/{FIRST}/none": page(("a", at(1)), then="t"),
        f"/list/{FIRST}/t": page(("b", at(2)), then="t"),
    }
    depot.look()
    depot.look()
    assert "like the one that was taken" in depot.look()
    assert len(depot.asked) == 2
    assert (depot.word("routed"), depot.progress().cursor) == (2, FIRST)


def test_after_so_many_pages_a_round_rests(make: Callable[..., Depot]) -> None:
    depot = make(more="pages: 2")
    depot.pages = {
        f"/list/{FIRST}/none": page(("a", at(1)), then="1"),
        f"/list/{FIRST}/1": page(("b", at(1)), then="2"),
        f"/list/{FIRST}/2": page(("c", at(1))),
    }
    for _ in range(4):
        depot.look()
    assert (len(depot.asked), depot.progress().page) == (2, 2)
    depot.land.wait(300)
    depot.look()
    assert (depot.word("routed"), depot.progress().cursor) == (3, at(1))


def test_a_person_puts_the_cursor_elsewhere(make: Callable[..., Depot]) -> None:
    depot = make()
    depot.pages = {
        f"/list/{FIRST}/none": page(("a", at(5))),
        f"/list/{at(2)}/none": page(("a", at(5)), ("b", at(3))),
    }
    depot.look()
    assert depot.set(at(2)) == {"was": at(5), "cursor": at(2)}
    depot.look()  # at once
    assert (depot.word("routed"), depot.word("duplicate")) == (2, 1)
    depot.set(None)
    depot.look()
    assert depot.asked[-1] == f"/list/{FIRST}/none"


def test_what_was_asked_before_a_cursor_was_set_does_not_move_it(
    make: Callable[..., Depot],
) -> None:
    depot = make()

    def meanwhile(_target: str) -> Answer:
        depot.set(at(9))
        found = page(("a", at(1)))
        return Answer(status=200, body=found, raw=json.dumps(found).encode())

    depot.wire.answer = meanwhile  # type: ignore[attr-defined]
    assert "was set meanwhile" in depot.look()
    assert (depot.progress().cursor, depot.deliveries(), depot.word("routed")) == (at(9), 0, 0)


def test_a_drained_channel_is_not_asked_for(make: Callable[..., Depot]) -> None:
    depot = make()
    depot.land.parts.ingress.close_to(frozenset({"desk"}))
    depot.look()
    assert depot.asked == []


def test_what_leads_to_a_next_page_is_not_shown(make: Callable[..., Depot]) -> None:
    depot = make()
    depot.pages = {f"/list/{FIRST}/none": page(("a", at(1)), then="key-to-the-door")}
    depot.look()
    assert depot.progress().next == "key-to-the-door"
    assert "door" not in json.dumps(poll_data(depot.progress())) + poll_line(depot.progress())
