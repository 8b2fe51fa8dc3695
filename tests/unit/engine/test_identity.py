"""Identity: what is claimed, and what a claim means for a message that comes later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.config.channels import Identity, Route
from router.core.claim import Claim, Held, Holding
from router.core.decision import Conflict, Discarded, Duplicate
from router.core.errors import TransformError, Unroutable
from router.engine.identity import (
    claims_of,
    compare_digest,
    document_digest,
    field_at,
    judge,
    object_key,
    part,
    searchable,
    version_of,
    words_of,
)

SAME, OTHER = b"same", b"other"
#: what the dead message said, in the digest that is kept of it
SAID, OTHER_SAID = {"said": "the same"}, {"said": "another"}


def claim(**fields: Any) -> Claim:
    return Claim(**{"key": b"k", "words": (), "compare": SAME, **fields})


def holding(**fields: Any) -> Holding:
    base = {
        "key": b"k",
        "message_id": "earlier",
        "state": Held.LIVE,
        "compare": SAME,
        "body": document_digest(SAID),
        "version": None,
    }
    return Holding(**{**base, **fields})


STALE = Discarded(reason="stale", stale=True)
DUPLICATE, CONFLICT = Duplicate(of="earlier"), Conflict(of="earlier")


@pytest.mark.parametrize(
    ("mine", "held", "verdict"),
    [
        # without versions `compare` decides, never the body
        ({}, {}, DUPLICATE),
        ({"said": OTHER_SAID}, {}, DUPLICATE),
        ({"compare": OTHER}, {}, CONFLICT),
        ({"compare": OTHER, "said": OTHER_SAID}, {}, CONFLICT),
        ({"compare": b""}, {"compare": b""}, DUPLICATE),
        # versions order states of one object
        ({"version": 2}, {"version": 1}, None),
        ({"version": 2, "compare": OTHER}, {"version": 1}, None),
        ({"version": 1}, {"version": 2}, STALE),
        ({"version": 1, "compare": OTHER}, {"version": 2}, STALE),
        ({"version": 2}, {"version": 2}, DUPLICATE),
        ({"version": 2, "compare": OTHER}, {"version": 2}, CONFLICT),
        ({"version": 0}, {"version": -1}, None),
        ({"version": 0}, {"version": 1}, STALE),
        # one of the two has no version: it cannot be newer or older
        ({"version": 2}, {"version": None}, DUPLICATE),
        ({"version": None, "compare": OTHER}, {"version": 2}, CONFLICT),
        # a dead message binds the same bytes only
        ({}, {"state": Held.DEAD}, DUPLICATE),
        ({"compare": OTHER}, {"state": Held.DEAD}, DUPLICATE),
        ({"said": OTHER_SAID}, {"state": Held.DEAD}, None),
        ({"said": OTHER_SAID, "compare": OTHER}, {"state": Held.DEAD}, None),
        ({"said": OTHER_SAID, "version": 1}, {"state": Held.DEAD, "version": 2}, None),
        ({"version": 1}, {"state": Held.DEAD, "version": 2}, DUPLICATE),
        # its own claim never stops a message: a retry, a redelivery
        ({"compare": OTHER}, {"message_id": "me"}, None),
        ({"version": 1}, {"message_id": "me", "version": 2}, None),
        ({}, {"message_id": "me", "state": Held.DEAD}, None),
    ],
)
def test_the_verdict_over_one_claim(
    mine: dict[str, Any], held: dict[str, Any], verdict: object, message_of: Any
) -> None:
    fields = dict(mine)
    me = message_of(fields.pop("said", SAID), id="me")
    assert judge([claim(**fields)], {b"k": holding(**held)}, me) == verdict


def test_what_nobody_holds_may_be_handled(message_of: Any) -> None:
    assert (
        judge(
            [claim(), claim(key=b"other")], {b"third": holding(key=b"third")}, message_of(id="me")
        )
        is None
    )
    assert judge([], {b"k": holding()}, message_of(id="me")) is None


def test_the_first_claim_that_is_held_decides(message_of: Any) -> None:
    held = {b"delivery": holding(key=b"delivery"), b"object": holding(key=b"object", version=5)}
    claims = [claim(key=b"delivery"), claim(key=b"object", version=4)]
    assert judge(claims, held, message_of(id="me")) == DUPLICATE
    assert judge([claim(key=b"free"), claims[1]], held, message_of(id="me")) == STALE


def test_a_dead_first_claim_leaves_the_second_to_decide(message_of: Any) -> None:
    held = {
        b"delivery": holding(key=b"delivery", state=Held.DEAD),
        b"object": holding(key=b"object", message_id="third"),
    }
    claims = [claim(key=b"delivery"), claim(key=b"object")]
    assert judge(claims, held, message_of(id="me")) == Duplicate(of="third")


# --- what a record claims ----------------------------------------------------------------------


@pytest.fixture
def route_of(workshop: Any) -> Any:
    """A maker of routes: the text of their identity, and fields beside it."""

    def make(identity: str, **fields: Any) -> Route:
        base = {
            "name": "shop:order",
            "channel": "shop",
            "kind": "order",
            "accept": None,
            "identity": workshop.decode(Identity, identity, "body", "headers"),
            "correlation": (),
            "order_by": (),
            "steps": (),
            "policy": None,
            "place": None,
        }
        return Route(**{**base, **fields})

    return make


def test_a_record_claims_its_delivery_and_its_object(route_of: Any) -> None:
    route = route_of("{delivery: [=headers.id], object: [order, =body.id], version: =body.v}")
    delivery, thing = claims_of(route, {"body": {"id": 7, "v": 3}, "headers": {"id": "e1"}})
    assert (delivery.words, thing.words) == (("e1",), ("7",))
    assert (delivery.version, thing.version) == (None, 3)
    assert delivery.key != thing.key
    assert delivery.compare == thing.compare == b""


def test_a_key_depends_on_channel_kind_and_purpose(route_of: Any) -> None:
    def keys(identity: str, **fields: Any) -> set[bytes]:
        return {one.key for one in claims_of(route_of(identity, **fields), {"body": {"id": "1"}})}

    one = keys("{delivery: [=body.id], object: [=body.id]}")
    others = keys("{object: [=body.id]}", channel="till") | keys("{object: [=body.id]}", kind="x")
    assert len(one) == len(others) == 2
    assert not one & others


def test_parts_do_not_run_into_each_other(route_of: Any) -> None:
    route = route_of("{object: [=body.a, =body.b]}")

    def key(first: Any, second: Any) -> bytes:
        return claims_of(route, {"body": {"a": first, "b": second}})[0].key

    assert len({key("ab", "c"), key("a", "bc"), key("1", 1), key(1, "1"), key(1, 1)}) == 5


@pytest.mark.parametrize("value", [None, "", 1.5, True, False, [], {}, ["a"]])
def test_a_part_is_a_text_or_an_integer(route_of: Any, value: Any) -> None:
    route = route_of("{object: [=body.id]}")
    with pytest.raises(Unroutable) as raised:
        claims_of(route, {"body": {"id": value}})
    assert raised.value.code == "no_identity"
    assert raised.value.place is not None


@pytest.mark.parametrize("value", [0, -1, "0", " ", 2**70])
def test_what_looks_empty_and_is_not_can_be_a_part(value: Any) -> None:
    assert part(value, "thing", None) == value


def test_a_failing_expression_is_not_taken_for_null(route_of: Any) -> None:
    route = route_of('{object: ["=lower(body.id)"]}')
    with pytest.raises(TransformError):
        claims_of(route, {"body": {"id": 5}})


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (1, 2),
        (-1, 0),
        ("9", "10"),
        ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00.000001Z"),
        ("2025-01-01T01:00:00+02:00", "2025-01-01T00:00:00+00:00"),
        ("1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z"),
        (2**63 - 2, 2**63 - 1),
    ],
)
def test_versions_order_as_what_they_say(route_of: Any, older: Any, newer: Any) -> None:
    assert version(route_of, older) < version(route_of, newer)


@pytest.mark.parametrize("value", ["2025-01-01T00:00:00+00:00", "2025-01-01T02:00:00+02:00"])
def test_one_instant_is_one_version_however_written(route_of: Any, value: str) -> None:
    assert version(route_of, value) == version(route_of, "2025-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "value", [None, True, 1.5, "", "x", "2025-01-01T00:00:00", "2025-01-01", [1], "-"]
)
def test_what_does_not_order_is_no_version(route_of: Any, value: Any) -> None:
    with pytest.raises(Unroutable) as raised:
        version(route_of, value)
    assert raised.value.code == "no_identity"


@pytest.mark.parametrize("value", [2**63, 2**64 - 1, -(2**63) - 1])
def test_a_version_that_no_store_can_hold_is_refused(route_of: Any, value: int) -> None:
    # a column of 64 bits with a sign: beyond it the row could neither be recorded nor buried
    with pytest.raises(Unroutable):
        version(route_of, value)


INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)
)


@given(INSTANTS, st.integers(1, 10**6))
def test_versions_keep_every_microsecond(at: datetime, later: int) -> None:
    def of(moment: datetime) -> int:
        return version_of(lambda _: moment.isoformat(), {})  # type: ignore[arg-type]

    assert of(at + timedelta(microseconds=later)) - of(at) == later


def version(route_of: Any, value: Any) -> int:
    route = route_of("{object: [x], version: =body.v}")
    made = claims_of(route, {"body": {"v": value}})[0].version
    assert isinstance(made, int)
    return made


def test_compare_looks_at_the_listed_values_alone(route_of: Any) -> None:
    route = route_of("{object: [x], compare: [=body.a, =body.b]}")

    def digest(**body: Any) -> bytes:
        return claims_of(route, {"body": body})[0].compare

    assert digest(a=1, b=2) == digest(a=1, b=2, counter=9)
    assert len({digest(a=1, b=2), digest(a=2, b=1), digest(a=1), digest(b=2), digest()}) == 5
    assert compare_digest((), {}) == b""


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert document_digest({"a": 1, "b": [1, 2]}) == document_digest({"b": [1, 2], "a": 1})
    assert document_digest([1, 2]) != document_digest([2, 1])
    assert document_digest("é") != document_digest("e")
    assert document_digest(1) != document_digest("1")


def test_words_to_search_by_come_from_the_message(workshop: Any) -> None:
    values = workshop.decode(Identity, "{object: [order, =body.id, 7]}", "body").object
    words = words_of(values, {"body": {"id": 12}}, "shop:order")
    assert words == ("order", "12", "7")
    assert searchable(values, words) == ("12",)


def test_a_business_key_tells_subject_and_parts_apart() -> None:
    keys = {
        object_key("a@1", ["x", "y"]),
        object_key("a@1", ["xy"]),
        object_key("a@2", ["x", "y"]),
        object_key("b@1", ["x", "y"]),
        object_key("a@1", [1]),
        object_key("a@1", ["1"]),
    }
    assert len(keys) == 6
    assert all(len(key) == 32 for key in keys)


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a": {"b": 1}}, "a", {"b": 1}),
        ({"a": {"b": 1}}, "a.c", None),
        ({"a": [{"b": 1}]}, "a.b", None),
        ({"a": None}, "a.b.c", None),
        (None, "a", None),
    ],
)
def test_a_dotted_path_ends_in_a_value_or_in_null(document: Any, path: str, value: Any) -> None:
    assert field_at(document, path) == value
