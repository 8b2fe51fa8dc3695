"""Columns as arrays of PostgreSQL: what a server reads of them is what was written."""

from __future__ import annotations

import pytest

from router.infra.store.arrays import array_of


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "{}"),
        (["a", "b"], '{"a","b"}'),
        ([""], '{""}'),
        (["", ""], '{"",""}'),
        (['say "x"', "back\\slash", "{,}"], '{"say \\"x\\"","back\\\\slash","{,}"}'),
        (["NULL", None, "null"], '{"NULL",NULL,"null"}'),
        ([None], "{NULL}"),
        ([1, -2, 2**63 - 1], "{1,-2,9223372036854775807}"),
        ([0, None], "{0,NULL}"),
        ([b"", b"\x00\xff"], '{"\\\\x","\\\\x00ff"}'),
        (["line\nline\ttab", "ä\U0001f600"], '{"line\nline\ttab","ä\U0001f600"}'),
    ],
)
def test_values_are_written_as_an_array(values: list[str | bytes | int | None], text: str) -> None:
    assert array_of(values) == text


def test_what_has_a_nul_keeps_it_so_that_the_driver_refuses_it() -> None:
    assert "\0" in array_of(["a\0b"])
    assert "\0" in array_of(["a", "\0"])
    assert "\0" in array_of(["a\0", None])
