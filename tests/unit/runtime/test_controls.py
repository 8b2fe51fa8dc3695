"""A file that does not add up is held as a whole, until a person lets it go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from router.core.errors import MessageError
from router.infra.store.transaction import Transaction
from router.runtime.rehearsal import Script, rehearse
from tests.unit.runtime.desk import Desk

INSIDE = """file:
        pattern: "*.json"
        format: json
        stable: 0s
        control:
          count: =body.trailer.count
          sums: [{of: =record.amount, is: =body.trailer.total}]"""
BESIDE = """file:
        pattern: "*.csv"
        format: csv
        stable: 0s
        control:
          beside: {ending: .ctl, format: csv, cells: {columns: [count, total]}}
          count: "=beside[0].count"
          sums: [{of: =record.amount, is: "=beside[0].total"}]"""


@pytest.fixture
def make(tmp_path: Path, noon: Any) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def one(file: str = INSIDE, records: str = "=body.rows") -> Desk:
        made.append(Desk(tmp_path, noon, file, records))
        return made[-1]

    yield one
    for desk in made:
        desk.land.parts.close()


def day(*amounts: Any, **trailer: Any) -> str:
    rows = [{"id": f"{n}", "amount": amount} for n, amount in enumerate(amounts)]
    return json.dumps({"rows": rows, "trailer": trailer})


def test_a_file_that_adds_up_is_routed(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.drop("a.json", day("0.10", "0.20", 0.3, count=3, total="0.60"))
    assert desk.counted() == {("desk:plain", "routed"): 3}
    assert desk.letters() == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (day("1", count=2, total="1"), "count: 2 are said, here are 1"),
        (day("1", count="x", total="1"), "count: what is said cannot be read"),
        (day("1", count=None, total="1"), "count: what is said cannot be read"),
        (
            day("0.1", "0.2", count=2, total="0.31"),
            "sum of =record.amount: 0.31 is said, here is 0.3",
        ),
        (
            day("1", "x", count=2, total="1"),
            "=record.amount: record 2: not a decimal number",
        ),
        (day("1", None, count=2, total="1"), "=record.amount: record 2: neither text nor"),
        (day("1", count=1), "sum of =record.amount: what is said cannot be read"),
        (
            day("1", count=5, total="9"),
            "count: 5 are said, here are 1; sum of =record.amount: ",
        ),
        (
            day({"amount": "1.00", "currency": "EUR"}, count=1, total="1.00"),
            "record 1 is EUR, a number without unit is said",
        ),
        (day(count=1, total="0"), "count: 1 are said, here are 0"),
    ],
)
def test_a_file_that_does_not_add_up_is_held(
    make: Callable[..., Desk], text: str, why: str
) -> None:
    desk = make()
    desk.drop("a.json", text)
    assert desk.counted() == {("desk:?", "dead_lettered"): 1}
    (letter,) = desk.letters()
    assert (letter["reason"], letter["step"]) == ("control", "control")
    assert why in letter["detail"]
    assert letter["place"].startswith("routes/channels/desk.yaml:")
    assert [Path(one).name for one in desk.archived()] == ["a.json"]


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        ([{"amount": "1.10", "currency": "EUR"}] * 3, {"amount": "3.30", "currency": "EUR"}),
        ([{"value": "1.5", "unit": "KGM"}] * 2, {"value": "3", "unit": "KGM"}),
        (["-1.10", "1.1"], "0"),
        (["99999999999999999999.01", "0.99"], "100000000000000000000"),
    ],
)
def test_money_and_quantities_add_up_exactly(
    make: Callable[..., Desk], amounts: list[Any], total: Any
) -> None:
    desk = make()
    desk.drop("a.json", day(*amounts, count=len(amounts), total=total))
    assert desk.letters() == []


def test_a_held_file_is_let_go_by_a_person(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.drop("a.json", day("1", "2", count=3, total="3"))
    (letter,) = desk.letters()
    with pytest.raises(MessageError, match="router replay plan --about"):
        desk.ask("retry", message=letter["message_id"], reason="why not")
    assert len(desk.letters()) == 1
    query = {"about": letter["message_id"]}
    options = {"original": False, "resend": False, "edit": ""}
    job = desk.ask("replay", query=query, rate=100, reason="they say it is right", options=options)
    desk.ask("start", job=job["job"])
    assert desk.counted()["desk:plain", "routed"] == 2
    assert desk.letters() == []


def test_a_right_file_after_a_held_one_is_routed(make: Callable[..., Desk]) -> None:
    desk = make()
    desk.drop("a.json", day("1", count=2, total="3"))
    desk.drop("a.json", day("1", "2", count=2, total="3"))
    assert desk.counted() == {
        ("desk:?", "dead_lettered"): 1,
        ("desk:plain", "routed"): 2,
        ("desk", "file_changed"): 1,
    }


def test_the_totals_of_a_file_beside(make: Callable[..., Desk]) -> None:
    desk = make(BESIDE, "=body")
    desk.drop("a.csv", "id,amount\n1,0.10\n2,0.20\n")
    assert desk.counted() == {}
    desk.drop("a.csv.ctl", "2,0.30\n")
    assert desk.counted() == {("desk:plain", "routed"): 2}
    assert [Path(one).name for one in desk.archived()] == ["a.csv", "a.csv.ctl"]
    assert list(desk.inbox.iterdir()) == []


def test_the_file_beside_is_kept_with_the_delivery_and_by_no_record(
    make: Callable[..., Desk],
) -> None:
    desk = make(BESIDE, "=body")
    seen: list[Any] = []
    enqueue = Transaction.enqueue

    def watched(self: Transaction, rows: Any) -> None:
        seen.extend(rows)
        enqueue(self, rows)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Transaction, "enqueue", watched)
        (desk.inbox / "a.csv").write_text("id,amount\n1,0.10\n")
        desk.drop("a.csv.ctl", "1,0.10\n")
    assert seen
    assert all("file-beside" not in one.message.headers for one in seen)
    with desk.land.store.read() as reader:
        past = reader.files.last("desk", "a.csv")
        assert past is not None
        kept = reader.records.delivery(past.delivery)
    assert kept is not None
    assert kept.headers == {"file-name": "a.csv", "file-beside": "1,0.10\n"}


def test_a_rehearsal_says_what_does_not_add_up(make: Callable[..., Desk]) -> None:
    desk = make(BESIDE, "=body")
    project, channel = desk.land.project, desk.land.project.channels["desk"]
    adapters = desk.land.exchange.adapters
    script = Script(env={}, answers={}, adapters=adapters, at=desk.land.clock.now())
    body = b"id,amount\n1,0.10\n"
    for said, words in (("1,0.10", ["routed"]), ("2,0.10", ["dead_lettered"])):
        made = rehearse(project, channel, {"file-beside": said}, body, script)
        assert [one["outcome"] for one in made.outcomes] == words


def test_other_totals_beside_the_same_bytes_are_another_file(make: Callable[..., Desk]) -> None:
    desk = make(BESIDE, "=body")
    for total in ("2,0.31", "2,0.30", "2,0.30"):
        (desk.inbox / "a.csv").write_text("id,amount\n1,0.10\n2,0.20\n")
        desk.drop("a.csv.ctl", total)
    assert desk.counted() == {
        ("desk:?", "dead_lettered"): 1,
        ("desk:plain", "routed"): 2,
        ("desk", "file_changed"): 1,
        ("desk", "file_resent"): 1,
    }


@pytest.mark.parametrize("said", [b"", b"\x00,1", b"\xff\xfe", b"1", b"1,2,3", b'"1,2'])
def test_totals_that_cannot_be_read_hold_the_file(make: Callable[..., Desk], said: bytes) -> None:
    desk = make(BESIDE, "=body")
    (desk.inbox / "a.csv").write_text("id,amount\n1,0.10\n")
    desk.drop("a.csv.ctl", said)
    (letter,) = desk.letters()
    assert letter["reason"] == "control"


def test_a_record_that_cannot_be_read_is_counted_and_keeps_the_sum_from_being_known(
    make: Callable[..., Desk],
) -> None:
    desk = make(BESIDE, "=body")
    (desk.inbox / "a.csv").write_text("id,amount\n1,0.10\n2\n")
    desk.drop("a.csv.ctl", "2,0.10")
    (letter,) = desk.letters()
    assert letter["detail"] == "sum of =record.amount: 1 of its records cannot be read"


def test_totals_that_are_too_large_are_no_totals(make: Callable[..., Desk]) -> None:
    desk = make(BESIDE, "=body")
    (desk.inbox / "a.csv").write_text("id,amount\n1,0.10\n")
    (desk.inbox / "a.csv.ctl").write_bytes(b"1" * 70_000)
    assert "a.csv.ctl is larger than 65536 bytes" in desk.look()
    assert desk.look() == ""
    assert [name for name, _, _ in desk.waiting()] == ["a.csv"]
    desk.drop("a.csv.ctl", "1,0.10")
    assert desk.waiting() == []
    assert desk.counted()["desk:plain", "routed"] == 1
