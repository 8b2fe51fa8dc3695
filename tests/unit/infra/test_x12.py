"""X12 interchanges: delimiters by their header, a bad transaction set fails alone."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.document import Decoded
from router.core.errors import DecodeError, LimitExceeded
from router.infra.codecs import Limits, decode_x12

SAMPLES = Path(os.environ.get("CROSSDOCK_SAMPLES", "/nowhere")) / "x12_edi"
LOOPS = {"W07": ["G69", "N9", "W13"], "LIN": ["QTY"], "QTY": ["UIT"]}


def isa(
    element: str = "*", component: str = ">", end: str = "~", control: str = "000000007"
) -> str:
    parts = [
        "ISA", "00", " " * 10, "00", " " * 10, "ZZ", "3PL".ljust(15), "ZZ", "BRAND".ljust(15),
        "261012", "0800", "U", "00401", control.zfill(9), "0", "T", component,
    ]  # fmt: skip
    return element.join(parts) + end


def body(*sets: str, head: str = "", end: str = "", groups: str = "1") -> bytes:
    """Return an interchange of one group, each set as its inner segments or as written."""
    made = [isa() + "GS*RE*3PL*BRAND*20261012*0800*1*X*004010~"]
    for number, inner in enumerate(sets, 1):
        if inner.startswith("ST*"):
            made.append(inner)
            continue
        count = inner.count("~") + 2
        made.append(f"ST*944*{number:04d}~{inner}SE*{count}*{number:04d}~")
    made.append(end or f"GE*{len(sets)}*1~IEA*{groups}*000000007~")
    return (head + "".join(made)).encode()


def read(data: bytes) -> list[dict[str, Any]]:
    found = decode_x12(data, LOOPS)
    assert found.bad == (), [str(one.error) for one in found.bad]
    return list(found.document)


def why(found: Decoded) -> list[str]:
    return [str(one.error).partition(": ")[2] for one in found.bad]


def test_a_set_has_its_envelope_and_elements_by_their_designators() -> None:
    (one,) = read(body("W17*F*20261010**R-1~"))
    assert one["interchange"] == {
        "sender_qualifier": "ZZ", "sender": "3PL", "receiver_qualifier": "ZZ", "receiver": "BRAND",
        "date": "261012", "time": "0800", "version": "00401", "control": "000000007", "test": True,
    }  # fmt: skip
    assert one["group"]["function"] == "RE"
    assert one["set"] == {"id": "944", "control": "0001"}
    assert one["segments"] == [{"id": "W17", "W1701": "F", "W1702": "20261010", "W1704": "R-1"}]


@pytest.mark.parametrize("element", ["*", "~", "^", "|", "\x1d"])
@pytest.mark.parametrize("end", ["\\", "}", "\n", "'", "\x1c"])
def test_the_header_names_the_delimiters(element: str, end: str) -> None:
    text = isa(element, ":", end) + "".join(
        element.join(parts) + end
        for parts in (
            ("GS", "RE", "a", "b", "1", "2", "1", "X", "004010"),
            ("ST", "944", "1"),
            ("W07", "3", "EA", "a:b"),
            ("SE", "3", "1"),
            ("GE", "1", "1"),
            ("IEA", "1", "000000007"),
        )
    )
    (one,) = read(text.encode())
    assert one["segments"] == [
        {"id": "W07", "W0701": "3", "W0702": "EA", "W0703": "a:b", "W070301": "a", "W070302": "b",
         "segments": []}
    ]  # fmt: skip


def test_each_interchange_of_a_body_has_its_own_delimiters() -> None:
    second = (
        isa("|", ">", "^", "000000008")
        + "GS|RE|a|b|1|2|5|X|004010^ST|947|9^W15|1^SE|3|9^GE|1|5^IEA|1|000000008^"
    )
    found = read(body("W17*F~") + b"\r\n" + second.encode())
    assert [(one["interchange"]["control"], one["set"]["id"]) for one in found] == [
        ("000000007", "944"),
        ("000000008", "947"),
    ]


def test_a_loop_lies_in_the_segment_that_opens_it() -> None:
    (one,) = read(body("W07*3~G69*SHIRT~W13*1~W07*2~G69*MUG~W14*5~"))
    assert [(a["id"], [b["id"] for b in a.get("segments", [])]) for a in one["segments"]] == [
        ("W07", ["G69", "W13"]),
        ("W07", ["G69"]),
        ("W14", []),
    ]


def test_loops_lie_in_loops() -> None:
    (one,) = read(body("LIN*1~QTY*34~UIT*EA~QTY*QH~UIT*EA~LIN*2~"))
    first = one["segments"][0]
    assert [(a["QTY01"], [b["UIT01"] for b in a["segments"]]) for a in first["segments"]] == [
        ("34", ["EA"]),
        ("QH", ["EA"]),
    ]
    assert one["segments"][1]["segments"] == []


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("ST*944*0002~W17*F~SE*4*0002~", "SE01 counts 4 segments, here are 3"),
        ("ST*944*0002~W17*F~SE*3*0009~", "SE02 is 0009, another number than ST02"),
        ("ST*944*0002~W17*F~", "it does not end: SE is missing"),
        ("ST*944*0002~w17*F~SE*3*0002~", "has no id"),
        ("ST*944*0002~N9*A\nW17*F~SE*3*0002~", "N9, goes on in another line"),
        ("ST*944*0002~N9*\0~SE*3*0002~", "N9: NUL in text"),
    ],
)
def test_a_bad_set_fails_alone(bad: str, words: str) -> None:
    found = decode_x12(body("W17*F~", bad, "W17*G~"), LOOPS)
    assert [one["set"]["control"] for one in found.document] == ["0001", "0003"]
    (told,) = why(found)
    assert words in told
    assert "set 0002" in found.bad[0].name
    assert found.bad[0].text.startswith("ST*944*0002\n")


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("GE*2*1~IEA*1*000000007~", "GE01 counts 2 sets, here are 1"),
        ("GE*1*9~IEA*1*000000007~", "GE02 is not the number of the group"),
        ("GE*1*1~IEA*2*000000007~", "IEA01 counts 2 groups, here are 1"),
        ("GE*1*1~IEA*1*000000009~", "IEA02 is not the number of the interchange"),
        ("GE*1*1~", "the interchange does not end: IEA is missing"),
        ("IEA*1*000000007~", "the group before it does not end: GE is missing"),
        ("GE*1*1~N1*ST~IEA*1*000000007~", "outside every transaction set: 1 segments"),
        ("SE*1*1~GE*1*1~IEA*1*000000007~", "outside every transaction set: 1 segments"),
        ("GE*1*1~IEA*1*000000007~ST*9*9~SE*2*9~", "outside every transaction set: 2 segments"),
    ],
)
def test_an_envelope_that_does_not_fit_is_told_and_its_sets_go_on(end: str, words: str) -> None:
    found = decode_x12(body("W17*F~", end=end), LOOPS)
    assert [one["set"]["id"] for one in found.document] == ["944"]
    assert why(found) == [words]


def test_a_second_interchange_is_found_though_a_terminator_is_missing() -> None:
    one = body("W17*F~")
    found = decode_x12(one.rstrip(b"~") + b"\r\n  " + one, LOOPS)
    assert [record["interchange"]["control"] for record in found.document] == ["000000007"] * 2
    assert found.bad == ()


def test_a_later_header_that_is_none_hurts_nothing_before_it() -> None:
    found = decode_x12(body("W17*F~") + b"\nISA*00*broken~", LOOPS)
    assert len(found.document) == 1
    assert why(found) == ["the header ISA has not 16 elements; what follows is not read"]
    with pytest.raises(DecodeError, match="not 16 elements"):
        decode_x12(b"ISA*00*broken~", LOOPS)


def test_a_file_that_is_cut_off_gives_what_is_whole() -> None:
    whole = body("W17*F~", "W17*G~")
    found = decode_x12(whole[: whole.index(b"*G~")], LOOPS)
    assert len(found.document) == 1
    assert [one.at for one in found.bad] == [1, 2, 3]
    assert why(found) == [
        "it does not end: SE is missing",
        "the group before it does not end: GE is missing",
        "the interchange does not end: IEA is missing",
    ]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["ISA*00*", "\n", "\n ", "\n ISA", "*", "~", "N1*A~", "ST*1*1~"])
def test_a_large_body_of_anything_ends_soon(unit: str) -> None:
    text = body("W17*F~").rstrip(b"~") + unit.encode() * (1_000_000 // len(unit))
    with contextlib.suppress(LimitExceeded):
        decode_x12(text, LOOPS, Limits(body=2_000_000, nodes=1_000_000, records=100_000))


def test_more_records_than_are_allowed_are_refused() -> None:
    with pytest.raises(LimitExceeded, match="more than 1 records"):
        decode_x12(body("W17*F~", "W17*G~"), LOOPS, Limits(records=1))


ELEMENTS = st.lists(st.text("abcXYZ019-.é", max_size=6), max_size=6)
SEGMENTS = st.from_regex("[A-Z][A-Z0-9]{1,2}", fullmatch=True).filter(
    lambda one: one not in ("ISA", "GS", "ST", "SE", "GE", "IEA")
)


@given(st.lists(st.tuples(SEGMENTS, ELEMENTS), max_size=6))
def test_what_is_written_as_a_set_is_read_again(segments: list[tuple[str, list[str]]]) -> None:
    text = "".join("*".join([name, *elements]) + "~" for name, elements in segments)
    (one,) = decode_x12(body(text), {}).document
    assert one["segments"] == [
        {"id": name}
        | {f"{name}{at:02d}": element for at, element in enumerate(elements, 1) if element}
        for name, elements in segments
    ]


def test_names_of_bad_records_differ_within_a_body() -> None:
    bad = "ST*944*0002~W17*F~SE*9*0002~"
    found = decode_x12(body(bad, bad), LOOPS)
    assert len({one.name for one in found.bad}) == len(found.bad) == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "begins with ISA"),
        (b"UNA:+.? '", "begins with ISA"),
        (b"ISA*00*~", "16 elements"),
        (b"ISA", "16 elements"),
        (isa(end="A").encode(), "a letter or digit"),
    ],
)
def test_what_has_no_header_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(DecodeError, match=words):
        decode_x12(data, {})


def test_latin_1_where_it_is_no_utf_8() -> None:
    (one,) = read(body("N1*WH*Zürich~").decode().encode("latin-1"))
    assert one["segments"][0]["N102"] == "Zürich"


def test_limits() -> None:
    with pytest.raises(LimitExceeded, match="more than 30 values"):
        decode_x12(body("W17*F~"), {}, Limits(nodes=30))
    with pytest.raises(LimitExceeded, match="a text of more than 99 characters"):
        decode_x12(body(f"W17*{'F' * 100}~"), {}, Limits(text=99))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="CROSSDOCK_SAMPLES names no folder")
def test_every_sample_gives_its_set() -> None:
    """One of them ends a group by another number: its set goes on, and the end is told."""
    told: dict[str, list[str]] = {}
    for path in sorted(SAMPLES.glob("*.edi")):
        found = decode_x12(path.read_bytes(), LOOPS)
        assert [one["set"]["id"] for one in found.document] == [path.name[:3]]
        told[path.name] = why(found)
    bad = {name: words for name, words in told.items() if words}
    assert bad == {"820_remittance_with_rtv.edi": ["GE02 is not the number of the group"]}
