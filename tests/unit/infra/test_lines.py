"""Bodies of lines: a bad line fails alone, with its number."""

from __future__ import annotations

import json
import random

import pytest

from router.core.errors import LimitExceeded
from router.infra.codecs import Limits, LineKind, decode_fixed, decode_ndjson

KINDS = {
    "head": LineKind(begins="H", columns={"kind": 1, "store": 4, "day": 8}, short=True),
    "item": LineKind(begins="I", columns={"kind": 1, "sku": 8, "count": 3}, inside="head"),
    "lot": LineKind(begins="L", columns={"kind": 1, "lot": 4}, inside="item"),
    "total": LineKind(begins="T", columns={"kind": 1, "count": 4}),
}


def test_a_document_a_line() -> None:
    found = decode_ndjson(b'\xef\xbb\xbf{"a": 1}\r\n\n[2]\n')
    assert (found.document, found.bad) == ([{"a": 1}, [2]], ())


def test_a_bad_line_fails_alone() -> None:
    found = decode_ndjson(b'{"a": 1}\n{"a": 1, "a": 2}\n{"a": \n3\n')
    assert found.document == [{"a": 1}, 3]
    assert [one.name for one in found.bad] == ["line 2", "line 3"]
    assert str(found.bad[0].error) == "line 2 column 10, at /a: duplicate key"
    assert (found.places, [one.at for one in found.bad]) == ((0, 3), [1, 2])
    assert found.bad[1].text == '{"a": '


def test_limits_of_lines() -> None:
    with pytest.raises(LimitExceeded, match="line 3: more than 2 values"):
        decode_ndjson(b"1\n2\n3\n", Limits(nodes=2))
    with pytest.raises(LimitExceeded, match="more than 2 records"):
        decode_ndjson(b"1\n2\n3\n", Limits(records=2))
    found = decode_ndjson(b'"123456789"\n1\n[[[]]]\n\xff\n"\x00"\n', Limits(text=8, depth=2))
    assert found.document == [1]
    assert [str(one.error) for one in found.bad] == [
        "line 1 column 1: a text of more than 8 characters",
        "line 3 column 3, at /0/0: nested deeper than 2",
        "line 4 column 1: the byte \\xff is no character",
        "line 5 column 2: NUL in text",
    ]
    found = decode_ndjson(b'"12345"\n1\n', Limits(text=8, depth=2))
    assert found.document == ["12345", 1]


def test_documents_that_are_written_are_read_again() -> None:
    chance = random.Random(9)
    for _ in range(200):
        given = [{"n": chance.randint(-9, 9), "t": "ä\n"[: chance.randint(0, 2)]} for _ in "abc"]
        body = "\n".join(json.dumps(one) for one in given).encode()
        assert decode_ndjson(body).document == given


def fixed(text: str) -> object:
    found = decode_fixed(text.encode(), KINDS, encoding="utf-8")
    assert found.bad == ()
    return found.document


def test_lines_lie_in_the_line_before_them() -> None:
    text = "H004120260302\nISKU-1     2\nL0001\nL2   \nI00000012  1\nH0042\nT   2\n"
    assert fixed(text) == [
        {
            "line": "head",
            "kind": "H",
            "store": "0041",
            "day": "20260302",
            "item": [
                {
                    "line": "item", "kind": "I", "sku": "SKU-1", "count": "2",
                    "lot": [
                        {"line": "lot", "kind": "L", "lot": "0001"},
                        {"line": "lot", "kind": "L", "lot": "2"},
                    ],
                },
                {"line": "item", "kind": "I", "sku": "00000012", "count": "1", "lot": []},
            ],
        },
        {"line": "head", "kind": "H", "store": "0042", "day": None, "item": []},
        {"line": "total", "kind": "T", "count": "2"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("X1\n", "line 1: it begins like no declared line"),
        ("H004120260302EXTRA\n", "line 1: longer than the 13 characters of head"),
        ("T   \n", "line 1: 4 characters, total has 5: is it cut off?"),
        ("I00000001  1\n", "line 1: item without the head that it lies in"),
        ("H0041\nL0001\n", "line 2: lot without the item that it lies in"),
        ("H0041\nX\nI00000001  1\n", "line 2: it begins like no declared line"),
        ("T\0  2\n", "line 1 column 2: NUL in text"),
    ],
)
def test_a_line_that_does_not_fit_is_a_bad_record(text: str, words: str) -> None:
    found = decode_fixed(text.encode(), KINDS, encoding="utf-8")
    assert [str(one.error) for one in found.bad] == [words]
    assert found.bad[0].text.replace("\\x00", "\0") == text.rstrip("\n")
    assert found.document == []


def test_a_record_with_a_bad_line_in_it_is_bad_as_a_whole() -> None:
    """Half of a head's items would be another head; they never go to the one before it."""
    body = b"H1\nI00000001  1\nH0041202603020000\nI00000002  1\nT   2\nH2\nI00000003  1\n?\nH3\n"
    found = decode_fixed(body, KINDS, encoding="utf-8")
    assert [one.name for one in found.bad] == ["line 3", "line 6"]
    assert [one["kind"] + (one.get("store") or "") for one in found.document] == ["H1", "T", "H3"]
    assert (found.places, [one.at for one in found.bad]) == ((0, 2, 4), [1, 3])


def test_lines_in_columns_are_read_again() -> None:
    chance = random.Random(5)
    for _ in range(200):
        given = ["".join(chance.choices("aé 0", k=chance.randint(0, 8))).strip() for _ in "abcd"]
        text = "H0041\n" + "".join(f"I{one:<8}{chance.randint(0, 999):>3}\n" for one in given)
        (head,) = decode_fixed(text.encode(), KINDS, encoding="utf-8").document
        assert [one["sku"] or "" for one in head["item"]] == given


def test_another_encoding() -> None:
    kinds = {"one": LineKind(begins="", columns={"name": 6})}
    found = decode_fixed("Größe \n".encode("cp1252"), kinds, encoding="cp1252")
    assert found.document == [{"line": "one", "name": "Größe"}]
    found = decode_fixed("Größe \nplain \n".encode("cp1252"), kinds, encoding="utf-8")
    assert found.document == [{"line": "one", "name": "plain"}]
    assert str(found.bad[0].error) == "line 1 column 3: the byte \\xf6 is no character"
