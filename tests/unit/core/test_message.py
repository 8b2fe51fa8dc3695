"""Messages: ids that only parent and seed decide, keys in which no parts run together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.message import ContractRef, RawRef, derived_id, key_digest

PARTS = st.lists(st.text(max_size=6), min_size=1, max_size=4)
KEY_PARTS = st.lists(st.one_of(st.text(max_size=6), st.integers()), max_size=4)


@given(PARTS, PARTS)
def test_two_lists_of_parts_give_two_ids(first: list[str], second: list[str]) -> None:
    assert (derived_id(*first) == derived_id(*second)) == (first == second)


@given(KEY_PARTS, KEY_PARTS)
def test_two_keys_give_two_digests(first: list[Any], second: list[Any]) -> None:
    assert (key_digest(("s",), first) == key_digest(("s",), second)) == (first == second)
    assert key_digest(("s",), first) != key_digest(("s", "t"), first)


@pytest.mark.parametrize(
    "lists",
    [
        [["ab", "c"], ["a", "bc"], ["abc"], ["a", "b", "c"]],
        [["a", ""], ["", "a"], ["a"], ["a", "", ""]],
        [["a\x00b"], ["a", "b"], ["a\x1fb"], ["a/b"]],
        [["1"], ["i1"], ["t1"]],
    ],
)
def test_where_a_part_ends_counts(lists: list[list[str]]) -> None:
    assert len({derived_id(*one) for one in lists}) == len(lists)
    assert len({key_digest(("s",), one) for one in lists}) == len(lists)
    assert len({key_digest(tuple(one), ()) for one in lists}) == len(lists)


def test_a_text_and_a_number_are_two_keys() -> None:
    keys = {key_digest(("s",), (one,)) for one in ("1", 1, "i1", -1, "-1")}
    assert len(keys) == 5


def test_what_belongs_together_lies_together() -> None:
    # an index over random keys costs a page of the disk for each
    parent = "0198f3c4d5e6" + "ab" * 10
    child = derived_id(parent, "a")
    assert (child[:12], len(child)) == (parent[:12], 32)
    assert derived_id(child, "b")[:12] == parent[:12]
    numbers = [key_digest(("s",), ("refund", 5123456789000 + n, "open")) for n in range(10)]
    other = key_digest(("s",), ("refund", 4123456789000, "open"))
    assert len({one[:16] for one in numbers}) == 1
    assert other < min(numbers)
    assert {len(one) for one in numbers} == {32}


def test_ids_are_stable_from_release_to_release() -> None:
    # they are in stores: a release that changed them would do everything a second time
    assert derived_id("0198f3c4d5e6" + "ab" * 10, "seed") == "0198f3c4d5e6ca42611bf371569fe003"
    assert (
        key_digest(("object", "refund"), (7, "a")).hex()
        == "7ea077bb37000000000000000000000091b239c7e12a3ccfc61a226ae483f873"
    )


def test_a_child_keeps_the_transaction_and_names_its_cause(message_of: Any) -> None:
    parent = message_of(
        {"a": 1},
        channel="shop",
        kind="order",
        headers={"x": "y"},
        stamp={"platform": "p"},
        raw=RawRef("d", "s"),
        attempt=3,
    )
    contract = ContractRef("thing", "1.2.3")
    child = parent.derive(payload={"b": 2}, contract=contract, seed="s")
    assert child.id == derived_id("m1", "s")
    assert (child.correlationid, child.causationid) == ("c1", "m1")
    assert (child.channel, child.kind, child.stamp) == ("shop", "order", {"platform": "p"})
    assert (child.payload, child.contract, child.raw) == ({"b": 2}, contract, parent.raw)
    assert child.occurred_at == parent.occurred_at
    # what came with the request stays behind, and the child begins with its first attempt
    assert (child.headers, child.attempt) == ({}, 1)


def test_again_is_the_same_message(message_of: Any) -> None:
    message = message_of({"a": 1}, attempt=2)
    again = message.again()
    assert (again.id, again.attempt, again.payload) == (message.id, 3, message.payload)
    assert message.attempt == 2


def test_a_contract_reference_has_a_subject() -> None:
    ref = ContractRef("shop/order", "10.2.3")
    assert (ref.major, ref.subject, str(ref)) == ("10", "shop/order@10", "shop/order@10.2.3")
