"""Rows of cells and forms: every value is text, a ragged row fails alone."""

from __future__ import annotations

import csv
import io
import random
from urllib.parse import urlencode

import pytest

from router.core.errors import DecodeError, LimitExceeded
from router.infra.codecs import Cells, Limits, decode_cells, decode_form

CSV = Cells()
TSV = Cells(delimiter="\t", quote="")


def rows(text: str | bytes, cells: Cells = CSV) -> list[dict[str, str | None]]:
    found = decode_cells(text if isinstance(text, bytes) else text.encode(), cells)
    assert found.bad == ()
    return list(found.document)


def test_values_stay_text_and_empty_cells_are_null() -> None:
    assert rows("sku,n,at\n0012,1E5,\n") == [{"sku": "0012", "n": "1E5", "at": None}]


def test_a_formula_is_a_text() -> None:
    assert rows('a,b\n"=HYPERLINK(""x"")",-1\n') == [{"a": '=HYPERLINK("x")', "b": "-1"}]


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_ends_of_lines(end: str) -> None:
    assert rows(f"a,b{end or chr(10)}1,2{end}") == [{"a": "1", "b": "2"}]


def test_a_cell_can_hold_line_ends_and_quotes() -> None:
    assert rows('a,b\n"two\nlines","say ""so"""\n') == [{"a": "two\nlines", "b": 'say "so"'}]


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert rows(b"\xef\xbb\xbfa;b\n1;2\n", Cells(delimiter=";")) == [{"a": "1", "b": "2"}]


def test_quotes_of_tab_separated_values_are_characters() -> None:
    assert rows('name\tn\nMug "Blue"\t1\n', TSV) == [{"name": 'Mug "Blue"', "n": "1"}]


def test_another_encoding_is_declared() -> None:
    text = "name\nGrößer €\n".encode("cp1252")
    assert rows(text, Cells(encoding="cp1252")) == [{"name": "Größer €"}]
    found = decode_cells(text + b"plain\n", Cells())
    assert (found.document, found.places) == ([{"name": "plain"}], (1,))
    assert [(str(one.error), one.text) for one in found.bad] == [
        ("line 2 column 3: the byte \\xf6 is no character", "Gr\\xf6\\xdfer \\x80")
    ]


def test_columns_may_be_declared() -> None:
    assert rows("1,2\n", Cells(columns=("a", "b"))) == [{"a": "1", "b": "2"}]


def test_blank_rows_are_skipped() -> None:
    assert rows("a\n\n1\n\n2\n") == [{"a": "1"}, {"a": "2"}]


def test_a_ragged_row_fails_alone_with_its_line() -> None:
    found = decode_cells(b'a,b\n1,2\n3\n"4\n4",5,6\n7,8\n', Cells())
    assert found.document == [{"a": "1", "b": "2"}, {"a": "7", "b": "8"}]
    told = [(one.name, str(one.error), one.text) for one in found.bad]
    assert told == [
        ("line 3", "line 3: 1 cells for 2 columns", "3"),
        ("line 4", "line 4: 3 cells for 2 columns", '"4\n4",5,6'),
    ]


def test_a_quote_that_does_not_fit_fails_alone() -> None:
    found = decode_cells(b'a,b\n"1"x,2\n3,4\n', Cells())
    assert found.document == [{"a": "3", "b": "4"}]
    assert [one.name for one in found.bad] == ["line 2"]


def test_a_quote_that_is_not_closed_takes_the_rest_and_makes_no_rows_of_it() -> None:
    for body in (b'"open\n3,b\n4,c\n', b'"1"x"\n3,b\n4,c\n', b'"' + b"x" * 140_000 + b"\n3,b\n"):
        found = decode_cells(b"a,b\n1,a\n2," + body, Cells())
        assert found.document == [{"a": "1", "b": "a"}]
        (bad,) = found.bad
        assert str(bad.error).startswith("line 3: ")
        assert str(bad.error).endswith("; where the row ends is not known, nor what follows")
        assert bad.text == (b"2," + body).decode().rstrip()[:2000]


def test_a_table_that_another_delimiter_parts_is_refused_as_a_whole() -> None:
    with pytest.raises(DecodeError, match=r"^line 1: one column, called a;b: see delimiter:$"):
        decode_cells(b"a;b\n1;2\n", Cells())


def test_formulas_numbers_and_spaces_stay_as_they_are() -> None:
    text = 'a\n"=HYPERLINK(""http://x"")"\n0012\n1E5\n+1\n a \n'
    cells = [one["a"] for one in rows(text)]
    assert cells == ['=HYPERLINK("http://x")', "0012", "1E5", "+1", " a "]


def test_more_records_than_are_allowed_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="more than 2 records"):
        decode_cells(b"a\n1\n2,\n3\n", Cells(), Limits(records=2))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the body is empty"),
        ("a,,b\n", "a column without a name"),
        ("a,b,a\n", "two columns are called a"),
        ("a\0\n1\n", "line 1 column 2: NUL in text"),
    ],
)
def test_a_header_that_names_nothing_is_refused(text: str, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        decode_cells(text.encode(), Cells())


def test_limits() -> None:
    with pytest.raises(LimitExceeded, match="more than 6 values"):
        decode_cells(b"a,b\n1,2\n3,4\n5,6\n", Cells(), Limits(nodes=6))
    found = decode_cells(b"a\n1234\n123\n", Cells(), Limits(text=3))
    assert found.document == [{"a": "123"}]
    assert str(found.bad[0].error) == "line 2: a cell of more than 3 characters"
    with pytest.raises(LimitExceeded, match="the body has 4 bytes"):
        decode_cells(b"a\n1\n", Cells(), Limits(body=3))


def test_what_is_written_is_read_again() -> None:
    chance = random.Random(7)
    letters = "ab ,;\"'\n\té0"
    for _ in range(300):
        table = [
            {name: "".join(chance.choices(letters, k=chance.randint(1, 6))) for name in "xyz"}
            for _ in range(chance.randint(1, 5))
        ]
        written = io.StringIO(newline="")
        writer = csv.DictWriter(written, "xyz", lineterminator=chance.choice(["\n", "\r\n"]))
        writer.writeheader()
        writer.writerows(table)
        assert rows(written.getvalue()) == table


def test_a_form_is_fields_of_text() -> None:
    assert decode_form(b"a=1+2&b=%C3%A4&c=&d") == {"a": "1 2", "b": "ä", "c": "", "d": ""}


def test_a_list_of_a_form_is_written_with_brackets() -> None:
    assert decode_form(b"sku[]=1&sku%5B%5D=2") == {"sku": ["1", "2"]}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "the body is empty"),
        (b"a=1&a=2", r"field 2: a a second time; a list is written a\[\]"),
        (b"a=1&a[]=2", "a is a list and a text"),
        (b"a=%", "without two hexadecimal digits"),
        (b"a=%zz", "without two hexadecimal digits"),
        (b"a=%ff", "not UTF-8"),
        (b"a=%00", "NUL in text"),
        (b"=1", "it has no name"),
        (b"a=1&&b=2", "field 2: it has no name"),
    ],
)
def test_a_form_that_could_mean_two_things_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        decode_form(body)


def test_a_form_that_is_written_is_read_again() -> None:
    chance = random.Random(8)
    for _ in range(300):
        given = {
            f"k{n}": "".join(chance.choices("a &=%+ä\n;", k=chance.randint(0, 6)))
            for n in range(chance.randint(1, 5))
        }
        assert decode_form(urlencode(given).encode()) == given
