"""Owns: the raw form of XML, what is refused, and the shaping of the raw form by a schema.
Imports: infra.codecs, core.errors.
Never: needs a broker, a store or a file, but for the samples (skipped where they are absent).
"""

from __future__ import annotations

import copy
import gc
import os
import weakref
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.errors import DecodeError, LimitExceeded
from router.infra.codecs import Limits, decode_trusted, decode_xml, encode_json, shape_by
from router.infra.codecs import xml as codec

SAMPLES = os.environ.get("CROSSDOCK_SAMPLES", "")


def refusal(data: bytes, kind: type[Exception] = DecodeError, **limits: int) -> str:
    with pytest.raises(kind) as caught:
        decode_xml(data, limits=Limits(**limits))
    return str(caught.value)


# --- the raw form ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("<a/>", {"$": ""}),
        ("<a></a>", {"$": ""}),
        ("<a> x </a>", {"$": " x "}),
        ('<a k="v"/>', {"@k": "v"}),
        ('<a k="">1.290</a>', {"@k": "", "$": "1.290"}),
        ("<a><b/></a>", {"b": [{"$": ""}]}),
        (
            "<a>\n  <b>1</b>\n  <c/><b>2</b>\n</a>",
            {"b": [{"$": "1"}, {"$": "2"}], "c": [{"$": ""}]},
        ),
        ("<a>\n one <b/> two\n</a>", {"b": [{"$": ""}], "$": "one  two"}),
        ("<a>\u00a0<b/></a>", {"b": [{"$": ""}], "$": "\u00a0"}),
        ("<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x20AC;</a>", {"$": "<&>\"'A€"}),
        ("<a><![CDATA[<b>&x;</b>]]>!</a>", {"$": "<b>&x;</b>!"}),
        ("<a>1<!-- note -->2<?do it?>3</a>", {"$": "123"}),
        ('<a b="1"><b>2</b></a>', {"@b": "1", "b": [{"$": "2"}]}),
    ],
)
def test_an_element_becomes(body: str, wanted: dict[str, Any]) -> None:
    assert decode_xml(body.encode()) == {"a": wanted}


def test_prefixes_are_kept_and_declarations_left_out() -> None:
    body = b'<A xmlns="u:d" xmlns:fu="u:f" fu:k="1" xml:lang="de"><fu:Mode>X</fu:Mode></A>'
    assert decode_xml(body) == {
        "A": {"@fu:k": "1", "@xml:lang": "de", "fu:Mode": [{"$": "X"}]},
    }


@pytest.mark.parametrize(
    ("codec_name", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-8-sig", "UTF-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", ""),
        ("utf-16-be", "UTF-16"),
        ("iso-8859-1", "ISO-8859-1"),
        ("iso-8859-15", "iso-8859-15"),
        ("cp1252", "Windows-1252"),
    ],
)
def test_encodings(codec_name: str, declared: str) -> None:
    head = f'<?xml version="1.0" encoding="{declared}"?>' if declared else ""
    body = f"{head}<a n='ß'>Köln</a>".encode(codec_name)
    assert decode_xml(body) == {"a": {"@n": "ß", "$": "Köln"}}


@pytest.mark.parametrize("declared", ["rot13", "utf-7", "unicode_escape", "shift_jis", "nonsense"])
def test_other_encodings_are_refused(declared: str) -> None:
    body = f'<?xml version="1.0" encoding="{declared}"?><a/>'.encode()
    assert refusal(body).endswith("an encoding that is not taken; write UTF-8")


# --- namespaces --------------------------------------------------------------------------------

WANTED = {"": "u:default", "fu": "u:fu"}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ('<x:a xmlns:x="u:fu" x:k="1" k="2"/>', {"fu:a": {"@fu:k": "1", "@k": "2"}}),
        ('<a xmlns="u:fu"><b/></a>', {"fu:a": {"fu:b": [{"$": ""}]}}),
        ('<d:a xmlns:d="u:default"><d:b/></d:a>', {"a": {"b": [{"$": ""}]}}),
        (
            '<a xmlns="u:fu"><b xmlns="u:default"/><c xmlns=""/><d/></a>',
            {"fu:a": {"b": [{"$": ""}], "c": [{"$": ""}], "fu:d": [{"$": ""}]}},
        ),
        (
            '<a xmlns:p="u:fu"><p:b xmlns:p="u:else"/><p:b/></a>',
            {"a": {"p:b": [{"$": ""}], "fu:b": [{"$": ""}]}},
        ),
        ('<a xml:space="preserve"/>', {"a": {"@xml:space": "preserve"}}),
    ],
)
def test_names_take_the_wanted_prefixes(body: str, wanted: dict[str, Any]) -> None:
    assert decode_xml(body.encode(), namespaces=WANTED) == wanted


def test_the_default_namespace_has_no_prefix_unless_listed() -> None:
    body = b'<a xmlns="u:other"><b/></a>'
    assert decode_xml(body, namespaces={"fu": "u:fu"}) == {"a": {"b": [{"$": ""}]}}


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ('<fu:a xmlns:fu="u:forged"/>', "has the prefix of one that is"),
        ('<a xmlns="u:forged"/>', "has the prefix of one that is"),
        ("<q:a/>", "a prefix that the document does not declare"),
        ('<a xmlns:x="u:fu" xmlns:y="u:fu" x:k="1" y:k="2"/>', "two attributes of one name"),
    ],
)
def test_a_name_that_would_be_mistaken_is_refused(body: str, what: str) -> None:
    with pytest.raises(DecodeError, match=what):
        decode_xml(body.encode(), namespaces=WANTED)


# --- bad inputs --------------------------------------------------------------------------------

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY e0 "ha">'
    + "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(12))
    + "]><l>&e12;</l>"
).encode()


@pytest.mark.timeout(5)
def test_billion_laughs_is_refused_at_its_doctype() -> None:
    assert refusal(LAUGHS).startswith("line 1 column 34: a DOCTYPE is not taken")


@pytest.mark.timeout(5)
def test_quadratic_blow_up_is_refused() -> None:
    bomb = b'<!DOCTYPE l [<!ENTITY e "%s">]><l>%s</l>' % (b"x" * 50_000, b"&e;" * 50_000)
    assert "DOCTYPE" in refusal(bomb)


def test_an_external_entity_is_refused_unread(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("open sesame")
    body = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a>&x;</a>'
    text = refusal(body.encode())
    assert "DOCTYPE" in text
    assert "sesame" not in text


def test_an_external_dtd_is_refused() -> None:
    assert "DOCTYPE" in refusal(b'<!DOCTYPE a SYSTEM "http://169.254.169.254/x.dtd"><a/>')
    assert "DOCTYPE" in refusal(b"<!DOCTYPE html><html/>")


@pytest.mark.timeout(5)
@pytest.mark.parametrize("unit", ["<a>", '<a b="c">', "<a>x"])
def test_depth_of_100_000_is_refused(unit: str) -> None:
    body = unit.encode() * 100_000
    assert "nested deeper than 64" in refusal(body, LimitExceeded, body=len(body))


def test_depth_is_counted_to_the_level() -> None:
    deepest = decode_xml(b"<a>" * 64 + b"</a>" * 64)
    assert decode_trusted(encode_json(deepest)) == deepest
    assert "column 193:" in refusal(b"<a>" * 65 + b"</a>" * 65, LimitExceeded)


def test_the_deepest_element_can_be_written_and_shaped() -> None:
    body = b"<a>" * 120 + b"</a>" * 120
    schema = {"properties": {"a": {"$ref": "#"}}, "type": "object"}
    shaped = decode_xml(body, shape=schema, limits=Limits(depth=120))
    assert encode_json(shaped).count(b"{") == 121
    assert b"[" not in encode_json(shaped)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "line 1 column 1: no element found"),
        (b" \n", "line 2 column 1: no element found"),
        (b"<a>", "line 1 column 4: no element found"),
        (b"<a></b>", "line 1 column 6: mismatched tag"),
        (b"<a/>\n<b/>", "line 2 column 1: junk after document element"),
        (b"<a/>x", "line 1 column 5: junk after document element"),
        (b"<a>&nbsp;</a>", "line 1 column 4: undefined entity"),
        (b"<a>\x00</a>", "line 1 column 4: not well-formed (invalid token)"),
        (b"<a>\x1b</a>", "line 1 column 4: not well-formed (invalid token)"),
        (b"<a>&#0;</a>", "line 1 column 4: reference to invalid character number"),
        (b"<a>&#xD800;</a>", "line 1 column 4: reference to invalid character number"),
        (b"<a>\xff</a>", "line 1 column 4: not well-formed (invalid token)"),
        (b'<a b="1" b="2"/>', "line 1 column 10: duplicate attribute"),
        (b'\n<?xml version="1.0"?><a/>', "XML or text declaration not at start of entity"),
        (b"{}", "line 1 column 1: not well-formed (invalid token)"),
        ("<a>\ud83d</a>".encode("utf-16-le", "surrogatepass"), "not UTF-16"),
        ("<a>\ud83dx</a>".encode("utf-16-be", "surrogatepass"), "not UTF-16"),
    ],
)
def test_what_is_not_xml_is_named(body: bytes, what: str) -> None:
    assert what in refusal(body)


def test_a_body_too_large_is_refused_unread() -> None:
    assert "the limit is 10" in refusal(b"<a>aaaaaaaa</a>", LimitExceeded, body=10)


def test_texts_are_counted_per_element_in_characters() -> None:
    assert decode_xml("<a>éé<b/>éé</a>".encode(), limits=Limits(text=4))["a"]["$"] == "éééé"
    assert "more than 4 characters" in refusal("<a>éé<b/>ééé</a>".encode(), LimitExceeded, text=4)
    assert "more than 4 characters" in refusal(b'<a k="12345"/>', LimitExceeded, text=4)


def test_nodes_are_elements_and_attributes() -> None:
    body = b'<a k="1" l="2"><b/><b m="3"/></a>'
    assert decode_xml(body, limits=Limits(nodes=6))
    assert "more than 5 elements" in refusal(body, LimitExceeded, nodes=5)


def test_attributes_of_one_element_are_bounded() -> None:
    body = b"<a %s/>" % b" ".join(b'x%d=""' % n for n in range(257))
    assert "more than 256 attributes" in refusal(body, LimitExceeded)


@pytest.mark.timeout(5)
def test_thousands_of_declared_prefixes_end_soon() -> None:
    opened = b"".join(
        b"<a %s>" % b" ".join(b'xmlns:p%d_%d="u"' % (depth, n) for n in range(250))
        for depth in range(63)
    )
    body = opened + b'<b xmlns:q="u:fu"/>' * 17_000 + b"</a>" * 63
    assert decode_xml(body, namespaces={"fu": "u:fu"})["a"]


def test_a_document_is_let_go_without_the_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[weakref.ref[object]] = []

    class Watched(codec._Builder):
        __slots__ = ("__weakref__",)

        def __init__(self, **fields: Any) -> None:
            super().__init__(**fields)
            made.append(weakref.ref(self))

    monkeypatch.setattr(codec, "_Builder", Watched)
    gc.disable()
    try:
        decode_xml(b"<a><b/></a>")
        assert [one() for one in made] == [None]
    finally:
        gc.enable()


# --- against the standard library --------------------------------------------------------------

names = st.sampled_from(["a", "b", "Item", "x-y"])
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=8)


def element(name: str, attributes: dict[str, str], children: list[ET.Element]) -> ET.Element:
    made = ET.Element(name, attributes)
    made.extend(children)
    return made


def leaf(name: str, attributes: dict[str, str], text: str) -> ET.Element:
    made = ET.Element(name, attributes)
    made.text = text
    return made


attribute_maps = st.dictionaries(names, words, max_size=3)
trees = st.recursive(
    st.builds(leaf, names, attribute_maps, words),
    lambda inner: st.builds(element, names, attribute_maps, st.lists(inner, max_size=4)),
    max_leaves=12,
)


def raw(tree: ET.Element) -> dict[str, Any]:
    """Build the raw form from the standard library's tree (no mixed content)."""
    made: dict[str, Any] = {f"@{name}": text for name, text in tree.attrib.items()}
    for child in tree:
        made.setdefault(child.tag, []).append(raw(child))
    if tree.text or not made:
        made["$"] = tree.text or ""
    return made


@given(trees, st.sampled_from(["utf-8", "utf-16", "us-ascii"]))
def test_every_text_and_attribute_of_a_document_is_in_the_raw_form(
    tree: ET.Element, encoding: str
) -> None:
    body = ET.tostring(tree, encoding=encoding, xml_declaration=True)
    assert decode_xml(body) == {tree.tag: raw(tree)}


# --- shaping -----------------------------------------------------------------------------------

ORDER = b"""<Order Id="7">
  <Number>0012</Number><Note/><Rush>true</Rush><Count>3</Count>
  <Buyer><Name>Ann</Name></Buyer>
  <Line Kind="x"><Code>A</Code><Price Currency="EUR">1.290</Price>
    <Extra><Deep>1</Deep></Extra></Line>
  <Tag>one</Tag>
</Order>"""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"Order": {"$ref": "#/$defs/order"}},
    "$defs": {
        "order": {
            "allOf": [{"$ref": "#/$defs/head"}, {"properties": {"Tag": {"$ref": "#/$defs/tags"}}}],
            "type": "object",
            "properties": {
                "@Id": {"type": "string"},
                "Line": {"type": "array", "items": {"$ref": "#/$defs/line"}},
                "Buyer": {"type": ["object", "null"], "properties": {"Name": {"type": "string"}}},
            },
        },
        "head": {
            "properties": {
                "Number": {"type": "string", "maxLength": 4},
                "Note": {"type": "string"},
                "Rush": {"type": "boolean"},
                "Count": {"type": "integer"},
                "Absent": {"type": "string"},
            }
        },
        "line": {
            "type": "object",
            "properties": {
                "Code": {"type": "string"},
                "Price": {"type": "object", "properties": {"$": {"type": "string"}}},
            },
        },
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


def test_a_document_is_shaped_by_its_schema_and_stays_text() -> None:
    assert decode_xml(ORDER, shape=SCHEMA) == {
        "Order": {
            "@Id": "7",
            "Number": "0012",
            "Note": "",
            "Rush": "true",
            "Count": "3",
            "Buyer": {"Name": "Ann"},
            "Line": [
                {
                    "@Kind": "x",
                    "Code": "A",
                    "Price": {"@Currency": "EUR", "$": "1.290"},
                    "Extra": [{"Deep": [{"$": "1"}]}],
                }
            ],
            "Tag": ["one"],
        }
    }


def one(schema: Any, body: bytes) -> Any:
    """Return the shaped child `b` of the body's root."""
    known: dict[str, Mapping[str, Any]] = {}
    return shape_by(decode_xml(body)["a"], {"properties": {"b": schema}}, known.__getitem__)["b"]


@pytest.mark.parametrize("kind", ["string", "number", "integer", "boolean", ["string", "null"]])
def test_scalars_become_text(kind: Any) -> None:
    assert one({"type": kind}, b"<a><b>1.0</b></a>") == "1.0"
    assert one({"type": kind}, b"<a><b/></a>") == ""


@pytest.mark.parametrize("schema", [{"type": "object"}, {"type": "string"}])
def test_two_elements_for_one_stay_a_list(schema: dict[str, Any]) -> None:
    assert one(schema, b"<a><b>1</b><b>2</b></a>") == [{"$": "1"}, {"$": "2"}]


def test_text_is_not_taken_from_an_element_that_has_more() -> None:
    schema = {"type": "string"}
    assert one(schema, b'<a><b c="EUR">1</b></a>') == [{"@c": "EUR", "$": "1"}]
    assert one(schema, b"<a><b>1<d/></b></a>") == [{"d": [{"$": ""}], "$": "1"}]
    items = {"type": "array", "items": schema}
    assert one(items, b'<a><b>1</b><b c="EUR">2</b></a>') == ["1", {"@c": "EUR", "$": "2"}]


@pytest.mark.parametrize("schema", [{}, True, {"type": "null"}, {"anyOf": [{"type": "string"}]}])
def test_what_the_schema_leaves_open_stays_raw(schema: Any) -> None:
    assert one(schema, b"<a><b>1</b></a>") == [{"$": "1"}]


def test_a_schema_with_properties_alone_means_an_object() -> None:
    schema = {"properties": {"c": {"type": "string"}}}
    assert one(schema, b"<a><b><c>1</c></b></a>") == {"c": "1"}


def test_references_go_through_the_resolver_and_circles_end() -> None:
    known: dict[str, Mapping[str, Any]] = {
        "x@1": {"$ref": "y@1", "type": "object"},
        "y@1": {"$ref": "x@1", "properties": {"b": {"$ref": "x@1"}, "c": {"type": "string"}}},
    }
    value = decode_xml(b"<a><b><b><c>1</c></b></b><c/></a>")["a"]
    wanted = {"b": {"b": {"c": "1"}}, "c": ""}
    assert shape_by(value, {"$ref": "x@1"}, known.__getitem__) == wanted
    # a resolver that makes a new schema each time
    assert shape_by(value, {"$ref": "x@1"}, lambda ref: copy.deepcopy(known[ref])) == wanted


def test_properties_named_in_two_places_both_shape() -> None:
    schema = {
        "allOf": [
            {"type": "object", "properties": {"c": {"type": "string"}}},
            {"properties": {"d": {"type": "array", "items": {"type": "string"}}}},
        ]
    }
    assert one(schema, b"<a><b><c>1</c><d>2</d></b></a>") == {"c": "1", "d": ["2"]}


@pytest.mark.timeout(5)
def test_doubling_references_do_not_multiply_the_work() -> None:
    defs: dict[str, Any] = {"d0": {"type": "string"}}
    for level in range(1, 30):
        ref = {"$ref": f"#/$defs/d{level - 1}"}
        defs[f"d{level}"] = {"allOf": [ref, dict(ref)]}
    schema = {"properties": {"a": {"$ref": "#/$defs/d29"}}, "$defs": defs}
    assert decode_xml(b"<a>1</a>", shape=schema) == {"a": "1"}


def test_the_value_given_is_not_changed() -> None:
    value = decode_xml(ORDER)
    before = copy.deepcopy(value)
    decode_xml(ORDER, shape=SCHEMA)
    shape_by(value, SCHEMA, lambda _: SCHEMA["$defs"]["order"])
    assert value == before


def test_a_reference_elsewhere_needs_a_resolver() -> None:
    with pytest.raises(LookupError, match="use shape_by with a resolver"):
        decode_xml(b"<a/>", shape={"$ref": "other@1"})


# --- real payloads -----------------------------------------------------------------------------

POSLOG = {
    "type": "object",
    "properties": {
        "POSLog": {
            "type": "object",
            "properties": {"Transaction": {"type": "array", "items": {"$ref": "#/$defs/tx"}}},
        }
    },
    "$defs": {
        "tx": {
            "type": "object",
            "properties": {
                "SequenceNumber": {"type": "string"},
                "BusinessDayDate": {"type": "string"},
                "WorkstationID": {"type": "object"},
                "BusinessUnit": {"type": "object", "properties": {"UnitID": {"type": "object"}}},
                "RetailTransaction": {
                    "type": "object",
                    "properties": {
                        "LineItem": {"type": "array", "items": {"$ref": "#/$defs/line"}},
                        "Total": {"type": "array", "items": {"type": "object"}},
                    },
                },
            },
        },
        "line": {
            "type": "object",
            "properties": {
                "SequenceNumber": {"type": "string"},
                "Sale": {
                    "type": "object",
                    "properties": {
                        "Quantity": {"type": "object"},
                        "fu:SalesMode": {"type": "string"},
                    },
                },
            },
        },
    },
}


def leaves(value: Any) -> Iterator[str]:
    """Yield every text of a document."""
    if isinstance(value, str):
        yield value
    else:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)


@pytest.mark.skipif(not SAMPLES, reason="CROSSDOCK_SAMPLES is not set")
def test_the_point_of_sale_samples_are_shaped_without_loss() -> None:
    files = sorted(Path(SAMPLES, "arts_poslog").glob("*.xml"))
    assert files
    for file in files:
        body = file.read_bytes()
        shaped = decode_xml(body, shape=POSLOG)
        assert sorted(leaves(shaped)) == sorted(leaves(decode_xml(body))), file.name
        for sale in shaped["POSLog"]["Transaction"]:
            assert sale["BusinessUnit"]["UnitID"]["$"].isdigit()
            assert sale["SequenceNumber"].isdigit()
            lines = sale["RetailTransaction"]["LineItem"]
            assert all(line["SequenceNumber"].isdigit() for line in lines)
            modes = [line["Sale"]["fu:SalesMode"] for line in lines if "Sale" in line]
            assert all(isinstance(mode, str) for mode in modes)


@pytest.mark.skipif(not SAMPLES, reason="CROSSDOCK_SAMPLES is not set")
def test_every_xml_sample_decodes_and_is_written_back() -> None:
    files = sorted(Path(SAMPLES).rglob("*.xml"))
    assert files
    for file in files:
        value = decode_xml(file.read_bytes())
        assert decode_trusted(encode_json(value)) == value, file.name
