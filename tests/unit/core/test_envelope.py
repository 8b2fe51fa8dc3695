"""What is packed is unpacked: no field of a message or a claim is lost on the way."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, timedelta, timezone
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from router.core.claim import Claim
from router.core.envelope import pack, pack_claim, unpack, unpack_claim
from router.core.message import ContractRef, Message, RawRef
from router.infra.codecs import decode_trusted, encode_json

#: what the codecs let in: no lone surrogates
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TEXTS = st.dictionaries(TEXT, TEXT, max_size=3)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
ZONES = st.sampled_from(
    [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=3))]
)
MESSAGES = st.builds(
    Message,
    id=TEXT,
    correlationid=TEXT,
    causationid=st.none() | TEXT,
    channel=TEXT,
    kind=TEXT,
    contract=st.none() | st.builds(ContractRef, TEXT, TEXT),
    occurred_at=st.datetimes(timezones=ZONES),
    headers=TEXTS,
    stamp=TEXTS,
    payload=JSON,
    raw=st.none() | st.builds(RawRef, TEXT, TEXT),
    attempt=st.integers(1, 99),
)
CLAIMS = st.builds(
    Claim,
    key=st.binary(min_size=32, max_size=32),
    words=st.lists(TEXT, max_size=3).map(tuple),
    compare=st.binary(max_size=16),
    version=st.none() | st.integers(-(2**63), 2**63 - 1),
    # the language's durations are whole milliseconds
    keep=st.none() | st.integers(0, 10**12).map(lambda n: timedelta(milliseconds=n)),
)


@given(MESSAGES)
def test_a_message_comes_back_from_disk_as_it_was(message: Message) -> None:
    assert unpack(decode_trusted(encode_json(pack(message)))) == message


@given(CLAIMS)
@example(Claim(key=b"k", words=(), compare=b"", version=0, keep=timedelta(0)))
def test_a_claim_comes_back_from_disk_as_it_was(claim: Claim) -> None:
    assert unpack_claim(decode_trusted(encode_json(pack_claim(claim)))) == claim


def test_every_field_that_is_there_is_packed(message_of: Any) -> None:
    full = replace(
        message_of(), causationid="c", contract=ContractRef("a", "1.0.0"), raw=RawRef("d", "e")
    )
    assert set(pack(full)) == {one.name for one in fields(Message)}
    claim = Claim(key=b"k", words=(), compare=b"", version=1, keep=timedelta(1))
    assert set(pack_claim(claim)) == {one.name for one in fields(Claim)}
