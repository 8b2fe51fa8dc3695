"""Owns: what the strict JSON decoder takes, refuses and says; that encoders lose nothing.
Imports: infra.codecs, core.errors.
Never: needs a broker, a store or a file, but for the samples (skipped where they are absent).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import DecodeError, LimitExceeded, TransformError
from router.infra.codecs import (
    Limits,
    canonical_json,
    decode_json,
    decode_ndjson,
    decode_trusted,
    encode_json,
    strict_json,
)

SAMPLES = os.environ.get("CROSSDOCK_SAMPLES", "")


def refusal(data: bytes, kind: type[Exception] = DecodeError, **limits: int) -> str:
    with pytest.raises(kind) as caught:
        decode_json(data, Limits(**limits))
    return str(caught.value)


# --- bad inputs ------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_not_a_number_is_refused_with_its_place(word: str) -> None:
    text = refusal(f'{{"lines": [{{"amount": {word}}}]}}'.encode())
    assert text == "line 1 column 23 (byte 22), at /lines/0/amount: NaN and Infinity are not JSON"


@pytest.mark.parametrize("number", ["1e400", "-1e400", "1e-400", "4.9e-324", "1E0999"])
def test_a_number_beyond_a_double_is_refused(number: str) -> None:
    assert "write it as text" in refusal(f'{{"amount": {number}}}'.encode())


@pytest.mark.timeout(5)
@pytest.mark.parametrize("unit", ["[", '{"a":', '[{"a":'])
def test_depth_of_100_000_is_refused_at_the_first_level_too_many(unit: str) -> None:
    assert "nested deeper than 64" in refusal(unit.encode() * 100_000, LimitExceeded)


@pytest.mark.timeout(5)
def test_depth_of_100_000_closed_brackets_is_refused() -> None:
    assert "column 65 " in refusal(b"[" * 100_000 + b"]" * 100_000, LimitExceeded)


@pytest.mark.parametrize("depth", [3, 64, 120])
def test_depth_is_counted_to_the_level(depth: int) -> None:
    limits = Limits(depth=depth)
    fits = b"[" * depth + b"]" * depth
    assert encode_json(decode_json(fits, limits)) == fits
    refusal(b"[" + fits + b"]", LimitExceeded, depth=depth)
    refusal(b'{"a":' + fits[:depth] + b"1" + fits[depth:] + b"}", LimitExceeded, depth=depth)


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ('{"amount": 1, "amount": 2}', "/amount"),
        ('{"amount": 1, "amount": 1}', "/amount"),
        ('{"amount": 1, "\\u0061mount": 2}', "/amount"),
        ('{"a": "x\\u003ay", "b": 1, "b": "z"}', "/b"),
        ('{"lines": [{}, {"a/b": {"~": 1, "~": ":"}}]}', "/lines/1/a~1b/~0"),
        ('{"": {"": 1, "": {"x": [1, 2]}}}', "//"),
    ],
)
def test_duplicate_keys_are_refused_by_pointer(document: str, pointer: str) -> None:
    assert refusal(document.encode()).endswith(f"at {pointer}: duplicate key")


def test_the_same_key_in_two_objects_is_no_duplicate() -> None:
    assert decode_json(b'[{"a": ":"}, {"a": {"a": 1}}]') == [{"a": ":"}, {"a": {"a": 1}}]


@pytest.mark.parametrize("nul", ["\\u0000", "\x00"])
def test_nul_in_a_text_is_refused(nul: str) -> None:
    assert refusal(f'{{"code": "A{nul}B"}}'.encode()).endswith("at /code: NUL in text")


@pytest.mark.parametrize("nul", ["\\u0000", "\x00"])
def test_nul_in_a_key_is_refused(nul: str) -> None:
    assert refusal(f'{{"A{nul}B": 1}}'.encode()).endswith(": NUL in text")


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    assert decode_json(rb'["\\u0000"]') == ["\\u0000"]


@pytest.mark.parametrize(
    "half", ["\\ud800", "\\udc00", "\\ud83d\\u0041", "\\ud83dx", "\\ude00\\ud83d"]
)
def test_a_lone_surrogate_is_refused(half: str) -> None:
    assert "half of a surrogate pair" in refusal(f'["{half}"]'.encode())
    assert "half of a surrogate pair" in refusal(f'{{"{half}": 1}}'.encode())


def test_a_surrogate_pair_is_one_character() -> None:
    assert decode_json(b'["\\ud83d\\ude00"]') == ["\U0001f600"]
    # beside a doubtful escape, where the scanner decides
    assert decode_json(b'["\\ud83d\\ude00\\u003a"]') == ["\U0001f600:"]


def test_an_utf8_mark_is_dropped() -> None:
    assert decode_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_a_place_counts_the_mark_in_bytes_and_characters_in_columns() -> None:
    text = refusal('\ufeff{"é":\r\n "ü", x}'.encode())
    assert text == "line 2 column 7 (byte 18): expected a key in double quotes"


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_utf16_and_utf32_are_refused(codec: str) -> None:
    assert "JSON must be UTF-8" in refusal('{"a": 1}'.encode(codec))


@pytest.mark.parametrize("bad", [b"\xff", b"\xe4", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80"])
def test_invalid_utf8_is_refused_at_its_byte(bad: bytes) -> None:
    text = refusal('{"ä": "'.encode() + bad + b'"}')
    assert text.startswith("line 1 column 8 (byte 8): not UTF-8")


@pytest.mark.parametrize("tail", ["x", "{}", ",", "]", "\x00"])
def test_trailing_garbage_is_refused(tail: str) -> None:
    assert "text after the end of the document" in refusal(f'{{"a": 1}} {tail}'.encode())


@pytest.mark.parametrize("body", [b"", b" ", b"\n\t\r\n", b"\xef\xbb\xbf"])
def test_an_empty_body_is_refused(body: bytes) -> None:
    assert refusal(body).endswith("the body is empty")


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ('{"a": 1', "the text ends; expected a comma or }"),
        ("[1", "the text ends; expected a comma or ]"),
        ("[1 2]", "expected a comma or ]"),
        ("[1,]", "expected a value"),
        ('{"a": 1,}', "expected a key in double quotes"),
        ("{'a': 1}", "expected a key in double quotes"),
        ('{"a" 1}', "expected a colon"),
        ('{"a":', "the text ends; expected a value"),
        ('"a', "text without closing quote"),
        ('["a\nb"]', "raw control character in text"),
        ('["\\x41"]', "unknown escape in text"),
        ('["\\u12g4"]', "\\u without four hexadecimal digits"),
        ("[01]", "not a JSON number"),
        ("[+1]", "expected a value"),
        ("[.5]", "expected a value"),
        ("[1.]", "not a JSON number"),
        ("[0x1F]", "not a JSON number"),
        ("[1_000]", "expected a comma or ]"),
        ("[True]", "expected a value"),
        ("[nul]", "expected a value"),
        ("// note\n[]", "expected a value"),
        ("\x0b[]", "expected a value, not the character U+000B"),
        ('{"a": \x00}', "expected a value, not the character U+0000"),
        ("<html>", "expected a value"),
    ],
)
def test_what_is_not_json_is_named(document: str, what: str) -> None:
    assert refusal(document.encode()).endswith(what)


def test_no_value_of_the_payload_is_in_the_text_of_an_error() -> None:
    text = refusal(b'{"name": "Erika Mustermann", "card": 4111111111111111.5}')
    assert "Erika" not in text
    assert "4111" not in text


def test_a_hostile_key_cannot_write_to_a_terminal_or_fill_a_log() -> None:
    text = refusal('{"\\u001b[2J\u202e%s": NaN}'.encode() % (b"k" * 5000))
    assert text.isprintable()
    assert len(text) < 400


# --- limits ----------------------------------------------------------------------------------


def test_a_body_too_large_is_refused_unread() -> None:
    assert "the limit is 10" in refusal(b'["aaaaaaaa"]', LimitExceeded, body=10)


def test_a_text_of_one_megabyte_is_refused() -> None:
    body = b'{"note": "' + b"x" * 1_000_000 + b'"}'
    assert "at /note: a text of more than 262144 characters" in refusal(body, LimitExceeded)


@pytest.mark.parametrize("letter", ["x", "é", '\\"', "\\u00e9", "\U0001f600"])
def test_texts_are_counted_in_characters(letter: str) -> None:
    assert len(decode_json(f'["{letter * 50}"]'.encode(), Limits(text=50))[0]) == 50
    refusal(f'["{letter * 51}"]'.encode(), LimitExceeded, text=50)


def test_a_key_is_a_text_too() -> None:
    refusal(b'{"%s": 1}' % (b"k" * 51), LimitExceeded, text=50)


def test_a_large_body_of_short_texts_passes() -> None:
    document = [{"name": f"name {number}"} for number in range(20_000)]
    assert decode_json(json.dumps(document).encode()) == document


@pytest.mark.parametrize("body", [b'{"a":[1,2,{}]}', b"[[],[],[],[]]", b'["a,b,c","d[","e{",5]'])
def test_nodes_are_values(body: bytes) -> None:
    assert decode_json(body, Limits(nodes=5)) == json.loads(body)
    assert "more than 4 values" in refusal(body, LimitExceeded, nodes=4)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "body",
    [
        b'["' + b"\\u0041" * 170_000 + b'\\u0000"]',
        b'["' + b"-1234567890123456" * 60_000 + b'"]',
        b"[1." + b"1" * 1_000_000 + b"]",
        b" " * 1_000_000 + b"[",
        b"[" + b"0," * 500_000,
        b'{"a":' * 60 + b"[1.5e-300" + b",1.5e-300" * 90_000,
    ],
)
def test_a_hostile_megabyte_ends_soon(body: bytes) -> None:
    with pytest.raises((DecodeError, LimitExceeded)):
        decode_json(body)


@pytest.mark.parametrize(
    "wrong", [{"body": 0}, {"depth": 121}, {"nodes": -1}, {"number_digits": 19}]
)
def test_limits_that_cannot_be_kept_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"limit {next(iter(wrong))} "):
        Limits(**wrong)


# --- numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("1.10", "1.1"),
        ("1.0", "1.0"),
        ("5E-3", "0.005"),
        ("1E5", "100000.0"),
        ("0.00", "0.0"),
        ("-0.0", "0.0"),
        ("-0e5", "0.0"),
        ("-0", "0"),
        ("19.99", "19.99"),
        ("1.290", "1.29"),
        ("0.1234567890123450000", "0.123456789012345"),
        ("999999999999999e3", "9.99999999999999e+17"),
        ("-12345678901234.5", "-12345678901234.5"),
    ],
)
def test_a_number_keeps_its_written_value(written: str, wanted: str) -> None:
    for document in (f"{written}", f"[{written}]", f'{{"a":{written} }}'):
        value = decode_json(document.encode())
        while isinstance(value, list | dict):
            value = value[0] if isinstance(value, list) else value["a"]
        assert repr(value) == wanted
        assert Decimal(repr(value)) == Decimal(written)


@pytest.mark.parametrize(
    "written",
    ["0.30000000000000004", "1234567890123456.5", "1234567890.1234567", "1234567890123456e2"],
)
def test_more_digits_than_a_double_returns_are_refused(written: str) -> None:
    assert "more than 15 significant digits: write it as text" in refusal(f"[{written}]".encode())
    assert decode_json(f'[" {written} "]'.encode()) == [f" {written} "]


@pytest.mark.parametrize(
    "written",
    [
        "0.30000000000000004", "-3.3333333333333335", "1234567890123456e2", "1e400", "-1e-400",
        "18446744073709551616", "-9223372036854775809", "1" * 40,
    ],
)  # fmt: skip
def test_a_long_number_comes_as_the_text_that_was_written_where_that_is_asked(written: str) -> None:
    body = f'{{"a": [{written}], "b": 1.5, "c": 7}}'.encode()
    assert decode_json(body, long_as_text=True) == {"a": [written], "b": 1.5, "c": 7}
    assert decode_ndjson(body, long_as_text=True).document == [{"a": [written], "b": 1.5, "c": 7}]
    with pytest.raises(DecodeError, match="write it as text"):
        decode_json(body)


def test_a_long_number_is_bounded_also_as_text() -> None:
    with pytest.raises(LimitExceeded, match="more than 40 digits"):
        decode_json(b"[0." + b"3" * 41 + b"]", long_as_text=True)


@pytest.mark.parametrize("number", [2**53 + 1, 2**63, 2**64 - 1, -(2**63), 10**18 - 1])
def test_integers_of_64_bits_are_exact(number: int) -> None:
    value = decode_json(b'{"id": %d}' % number)["id"]
    assert type(value) is int
    assert value == number
    assert decode_trusted(encode_json(value)) == number


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**30])
def test_integers_beyond_64_bits_are_refused(number: int) -> None:
    assert "beyond 64 bits: write it as text" in refusal(b'{"id": %d}' % number)


@pytest.mark.parametrize("written", ["9" * 5000, "1." + "0" * 41])
def test_numbers_of_too_many_digits_are_refused(written: str) -> None:
    assert "more than 40 digits" in refusal(f"[{written}]".encode(), LimitExceeded)


# --- what looks dangerous and is data ----------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [
        {"__type__": "decimal", "__value__": "1e999999"},
        {"__proto__": {"admin": True}},
        {"items": [], "keys": {}, "values": 1, "get": None},
        {"sku": "0012", "other": 12, "third": "1E5"},
        {"name": "\u202eabc\u200b"},
        {"caf\u00e9": 1, "cafe\u0301": 2},
        {"at": "24:00:60", "on": "2024-03-31T02:30:00"},
        {"uuid": "01234567-89ab-4de5-8e12-1e-400", "gid": "9:1234567890123456789.5"},
        {"not_in_any_contract": {"version": 99}},
    ],
)
def test_strange_data_passes_untouched(document: dict[str, Any]) -> None:
    assert decode_json(json.dumps(document).encode()) == document
    assert decode_json(json.dumps(document, ensure_ascii=False).encode()) == document


# --- encoding --------------------------------------------------------------------------------


def test_encoding_is_compact_and_keeps_the_order_of_keys() -> None:
    assert encode_json({"b": [1, 2.5], "a": "é"}) == '{"b":[1,2.5],"a":"é"}'.encode()


def test_canonical_encoding_sorts_at_every_level() -> None:
    one = canonical_json({"b": 1, "a": {"d": None, "c": []}})
    assert one == b'{"a":{"c":[],"d":null},"b":1}'
    assert one == canonical_json({"a": {"c": [], "d": None}, "b": 1})


@pytest.mark.parametrize("encode", [encode_json, canonical_json])
@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), -float("inf"), 2**64, "\ud800", Decimal("1.1"), {1: 2}, {1, 2}],
)
def test_what_json_cannot_hold_is_refused(encode: Callable[[Any], bytes], value: Any) -> None:
    with pytest.raises(TransformError, match="cannot be written as JSON"):
        encode({"a": [None, {"b": value}]})


def test_a_damaged_stored_document_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="damaged"):
        decode_trusted(b'{"a": ')


# --- properties ------------------------------------------------------------------------------

numbers = st.builds(
    lambda digits, exponent: float(f"{digits}e{exponent}"),
    st.integers(-(10**15) + 1, 10**15 - 1),
    st.integers(-30, 30),
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | numbers | texts
documents = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=30
)


def typed(value: Any) -> str:
    """Return a text that differs where 1, 1.0 and True differ."""
    return repr(value)


@given(documents)
def test_what_is_encoded_is_decoded_to_the_same(document: Any) -> None:
    assert typed(decode_json(encode_json(document))) == typed(document)
    assert typed(decode_trusted(encode_json(document))) == typed(document)


@given(documents, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_valid_documents_equal_the_standard_decoder(
    document: Any, ascii_only: bool, indent: Any
) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    assert typed(decode_json(body)) == typed(json.loads(body))


PIECES = r"""
" \ { } [ ] : , 0 9 . e-400 E5 - -0.0 1e400 \u003a \ud800 \u0000 null true "a":1, "b":2, 1e-0001
12345678901234567 0.12345678901234567 18446744073709551616 [[]] {"a":"b:c"}
"""
pieces = st.sampled_from([*PIECES.split(), " ", "\n"])


@given(st.lists(pieces, max_size=12).map("".join), st.sampled_from([1, 3, 64]))
def test_the_quick_path_takes_nothing_that_the_scanner_refuses(text: str, depth: int) -> None:
    limits = Limits(depth=depth, nodes=12, text=20)
    for body in (text.encode(), f'{{"a":[{text}],"b":1}}'.encode()):
        quick = strict_json._quick(body, limits)
        if quick is not strict_json._DOUBT:
            assert typed(quick) == typed(strict_json._scan(body, limits)) == typed(json.loads(body))


# --- real payloads ---------------------------------------------------------------------------


@pytest.mark.skipif(not SAMPLES, reason="CROSSDOCK_SAMPLES is not set")
def test_every_sample_decodes_as_the_standard_decoder_does() -> None:
    files = sorted(Path(SAMPLES).rglob("*.json"))
    assert files
    for file in files:
        body = file.read_bytes()
        wanted = json.loads(body)
        assert typed(decode_json(body)) == typed(wanted), file.name
        assert typed(strict_json._scan(body, Limits())) == typed(wanted), file.name
