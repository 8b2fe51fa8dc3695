"""A decoded delivery becomes one message a record; what cannot be read arrives as a failure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from router.config.channels import ChannelFile, make_channel
from router.core.decision import DeadLettered, Discarded
from router.core.document import BadRecord, Decoded
from router.core.errors import DecodeError, MessageError
from router.core.message import RawRef, derived_id
from router.engine.arrival import RECORD, Delivery, arrivals_of, failed_arrival, joined

CHANNEL = """
channel: shop
owner: us
stamp: {platform: shop, region: =headers.region}
from:
  http: {path: /in/shop, verify: {none: a test}, format: json}
  RECORDS
kind: =body.kind
identity: {delivery: [=headers.id, =body.id], keep: 30d}
routes:
  order:
    accept: order@1
    identity: {object: [order, =body.id], version: =body.version, compare: [=body.total]}
    correlation: [order, =body.id]
    steps: [{discard: nothing to do}]
  parcel:
    accept: order@1
    steps: [{discard: nothing to do}]
  removed: {discard: not a business event}
otherwise: [{dead_letter: unknown_kind}]
on_failure: patient
"""


@pytest.fixture
def channel_of(workshop: Any) -> Any:
    """A maker of the channel, with or without `records:`."""
    workshop.contract("order", {"type": "object"})

    def make(records: str = "") -> Any:
        file = workshop.decode(ChannelFile, CHANNEL.replace("RECORDS", records))
        made = make_channel(file, workshop.context())
        assert workshop.codes == [], workshop.told
        return made

    return make


@pytest.fixture
def delivery(noon: datetime) -> Delivery:
    """One request."""
    return Delivery(
        id="d1", headers={"id": "e1", "region": "north"}, received_at=noon, sha256="abc"
    )


def arrive(channel: Any, delivery: Delivery, body: Any) -> Any:
    return arrivals_of(
        channel, delivery, Decoded(document=body), {"zone": "UTC"}, lambda record: record
    )


def test_a_record_becomes_a_message_with_all_that_is_known(
    channel_of: Any, delivery: Delivery, noon: datetime
) -> None:
    body = {"kind": "order", "id": 7, "version": 3, "total": "5"}
    (arrival,) = arrive(channel_of(), delivery, body)
    message = arrival.message
    assert arrival.verdict is None
    assert message.id == derived_id("d1", "0")
    assert (message.channel, message.kind, message.attempt) == ("shop", "order", 1)
    assert message.correlationid == "order/7"
    assert message.payload is body
    assert message.headers == delivery.headers
    assert message.stamp == {"platform": "shop", "region": "north"}
    assert message.raw == RawRef("d1", "abc")
    assert message.occurred_at == noon
    assert message.causationid is None


def test_the_route_adds_to_the_identity_of_the_channel(channel_of: Any, delivery: Delivery) -> None:
    (arrival,) = arrive(channel_of(), delivery, {"kind": "order", "id": 7, "version": 3})
    first, second = arrival.claims
    assert (first.words, second.words) == (("e1", "7"), ("7",))
    assert (first.version, second.version) == (None, 3)
    assert first.keep == second.keep == timedelta(days=30)
    assert arrival.references == ("7", "e1")


def test_without_correlation_a_message_is_its_own_transaction(
    channel_of: Any, delivery: Delivery
) -> None:
    (arrival,) = arrive(channel_of(), delivery, {"kind": "parcel", "id": 7})
    assert arrival.message.correlationid == arrival.message.id
    assert len(arrival.claims) == 1


def test_the_same_delivery_gives_the_same_ids(channel_of: Any, delivery: Delivery) -> None:
    channel = channel_of("records: =body.items")
    body = {"items": [{"kind": "order", "id": 1, "version": 1}, {"kind": "parcel", "id": 2}]}
    ids = [one.message.id for one in arrive(channel, delivery, body)]
    assert ids == [one.message.id for one in arrive(channel, delivery, body)]
    assert ids == [derived_id("d1", "0"), derived_id("d1", "1")]


def test_records_fare_each_for_itself(channel_of: Any, delivery: Delivery) -> None:
    body = {
        "items": [
            {"kind": "order", "id": 1, "version": 1},
            {"kind": "order", "id": None, "version": 1},
            {"kind": "removed"},
            {"kind": "else"},
            {"kind": 7, "id": 1},
            {"id": 1},
            None,
            "text",
            {"kind": "parcel", "id": 2},
        ]
    }
    arrivals = arrive(channel_of("records: =body.items"), delivery, body)
    told = [one.verdict and getattr(one.verdict, "reason", "") for one in arrivals]
    assert told == [
        None,
        "no_identity",
        "not a business event",
        "unknown_kind",
        "transform_failed",
        "unknown_kind",
        "unknown_kind",
        "unknown_kind",
        None,
    ]
    assert [one.message.payload for one in arrivals] == body["items"]
    assert all(one.claims == () for one in arrivals if one.verdict is not None)
    assert len({one.message.id for one in arrivals}) == len(arrivals)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"kind": "order", "id": None, "version": 1}, ("e1",)),
        ({"kind": "order", "id": 7, "version": "x"}, ("7", "e1")),
        ({"kind": "else", "id": 7}, ("e1", "7")),
        ({"kind": {"id": 7}}, ("e1",)),
        (None, ("e1",)),
    ],
)
def test_what_cannot_be_taken_is_found_by_what_can_be_read(
    channel_of: Any, delivery: Delivery, body: Any, words: tuple[str, ...]
) -> None:
    (arrival,) = arrive(channel_of(), delivery, body)
    assert isinstance(arrival.verdict, DeadLettered)
    assert arrival.references == words
    failed = failed_arrival(channel_of(), delivery, MessageError("no JSON"), "decode")
    assert failed.references == ("e1",)


def test_what_is_discarded_by_its_kind_leaves_no_words(channel_of: Any, delivery: Delivery) -> None:
    assert arrive(channel_of(), delivery, {"kind": "removed", "id": 7})[0].references == ()


def test_a_declared_ending_is_the_verdict(channel_of: Any, delivery: Delivery) -> None:
    (arrival,) = arrive(channel_of(), delivery, {"kind": "removed"})
    assert arrival.verdict == Discarded(reason="not a business event")
    assert arrival.message.kind == "removed"


def test_a_failure_says_where_and_shows_no_value(channel_of: Any, delivery: Delivery) -> None:
    (arrival,) = arrive(channel_of(), delivery, {"kind": {"secret": "4711"}, "id": 1})
    verdict = arrival.verdict
    assert isinstance(verdict, DeadLettered)
    assert verdict.step == "accept"
    assert verdict.place.startswith("test.yaml:")
    assert "4711" not in verdict.detail


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"items": []}, "empty"),
        ({}, "transform_failed"),
        ({"items": None}, "transform_failed"),
        ({"items": {"kind": "order"}}, "transform_failed"),
        ({"items": "4711"}, "transform_failed"),
        (None, "transform_failed"),
        ([], "transform_failed"),
    ],
)
def test_records_that_cannot_be_told_apart_are_one_failure(
    channel_of: Any, delivery: Delivery, body: Any, reason: str
) -> None:
    (arrival,) = arrive(channel_of("records: =body.items"), delivery, body)
    assert isinstance(arrival.verdict, DeadLettered)
    assert (arrival.verdict.reason, arrival.verdict.step) == (reason, "records")
    assert "4711" not in arrival.verdict.detail
    assert arrival.message.raw == RawRef("d1", "abc")


def test_each_record_is_shaped(channel_of: Any, delivery: Delivery) -> None:
    def shaped(record: Any) -> Any:
        return {"kind": "parcel", "id": record}

    arrivals = arrivals_of(
        channel_of("records: =body"), delivery, Decoded(document=["a", "b"]), {}, shaped
    )
    assert [one.message.payload["id"] for one in arrivals] == ["a", "b"]


@pytest.mark.parametrize("region", [["a"], {"a": 1}])
def test_a_stamp_is_a_text_never_the_spelling_of_a_structure(
    workshop: Any, channel_of: Any, delivery: Delivery, region: Any
) -> None:
    channel_of()
    text = CHANNEL.replace("RECORDS", "").replace("=headers.region", "=body.region")
    channel = make_channel(workshop.decode(ChannelFile, text), workshop.context())
    (arrival,) = arrive(channel, delivery, {"kind": "parcel", "id": 1, "region": region})
    assert isinstance(arrival.verdict, DeadLettered)


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (12, "12")])
def test_a_stamp_is_written_as_json_writes_it(
    workshop: Any, channel_of: Any, delivery: Delivery, value: Any, text: str
) -> None:
    channel_of()
    changed = CHANNEL.replace("RECORDS", "").replace("=headers.region", "=body.region")
    channel = make_channel(workshop.decode(ChannelFile, changed), workshop.context())
    (arrival,) = arrive(channel, delivery, {"kind": "parcel", "id": 1, "region": value})
    assert arrival.message.stamp["region"] == text


def test_a_stamp_without_a_value_is_left_out(channel_of: Any, noon: datetime) -> None:
    bare = Delivery(id="d1", headers={"id": "e1"}, received_at=noon, sha256="abc")
    (arrival,) = arrive(channel_of(), bare, {"kind": "parcel", "id": 1})
    assert arrival.message.stamp == {"platform": "shop"}


def test_no_two_keys_look_alike() -> None:
    keys = [("a", "b"), ("a/b",), ("a", "", "b"), ("a%2Fb",), ("a%2F", "b"), ("a b",), ("a+b",)]
    assert len({joined(key) for key in keys}) == len(keys)
    assert joined(("order", "#9999-R1")) == "order/%239999-R1"


def test_a_record_that_cannot_be_read_fails_alone(channel_of: Any, delivery: Delivery) -> None:
    bad = BadRecord(name="line 3", error=DecodeError("line 3: no"), text="x", at=1)
    decoded = Decoded(document=[{"id": 1}, {"id": 2}], bad=(bad,), places=(0, 2))
    many = channel_of("records: =body")
    first, last, failed = arrivals_of(many, delivery, decoded, {}, lambda record: record)
    assert (first.message.payload, last.message.payload) == ({"id": 1}, {"id": 2})
    assert failed.verdict is not None
    assert (failed.verdict.reason, failed.verdict.step) == ("undecodable", RECORD)
    assert failed.message.payload == {"record": "line 3", "text": "x"}
    (alone,) = arrivals_of(
        many, delivery, Decoded(document=[], bad=(bad,)), {}, lambda record: record
    )
    assert alone.message.id == failed.message.id
    (whole,) = arrivals_of(channel_of(""), delivery, decoded, {}, lambda record: record)
    assert whole.verdict is not None
    assert (whole.verdict.detail, whole.verdict.step) == ("line 3: no", "decode")


def test_a_record_keeps_its_id_when_one_before_it_becomes_readable(
    channel_of: Any, delivery: Delivery
) -> None:
    """The same bytes under another configuration: a replay finds each record by its id."""
    bad = BadRecord(name="line 3", error=DecodeError("line 3: no"), text="x", at=1)
    one, two, three = {"id": 1}, {"id": 2}, {"id": 3}
    before = Decoded(document=[one, three], bad=(bad,), places=(0, 2))
    after = Decoded(document=[one, two, three], places=(0, 1, 2))
    for records in ("records: =body", 'records: "=body[?id > `0`]"'):
        many = channel_of(records)
        old = arrivals_of(many, delivery, before, {}, lambda record: record)
        new = arrivals_of(many, delivery, after, {}, lambda record: record)
        assert [arrival.message.id for arrival in new] == [old[at].message.id for at in (0, 2, 1)]
    (third,) = arrivals_of(
        channel_of('records: "=body[?id == `3`]"'), delivery, after, {}, lambda record: record
    )
    assert third.message.id == derived_id("d1", "2")


@pytest.mark.parametrize("records", ["=body[].{id: id}", "=body[0].id"])
def test_ids_of_bad_records_are_no_others_where_records_are_made(
    channel_of: Any, delivery: Delivery, records: str
) -> None:
    bad = tuple(
        BadRecord(name=f"line {at}", error=DecodeError("no"), text="x", at=at) for at in (0, 2)
    )
    decoded = Decoded(document=[{"id": 1}, {"id": 2}], bad=bad, places=(1, 3))
    found = arrivals_of(
        channel_of(f'records: "{records}"'), delivery, decoded, {}, lambda record: record
    )
    assert len({one.message.id for one in found}) == len(found) >= 3
