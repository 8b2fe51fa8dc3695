"""Templates for texts and XML: what they write, and that they mean what Jinja means."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jinja2 import StrictUndefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from router.config.transforms.checks import Vocabulary
from router.config.transforms.functions import LIBRARY
from router.config.transforms.tables import Table
from router.config.transforms.templates import parts
from router.config.transforms.templates.reader import Source, read_template
from router.config.transforms.templates.template import Template
from router.core.diagnostics import Place, Report
from router.core.document import Written
from router.core.errors import LimitExceeded, MessageError, TransformError

ORDER: dict[str, Any] = {
    "id": "A-1",
    "note": "5 < 6 & \"so\" 'on'",
    "count": 3,
    "empty": "",
    "paid": True,
    "total": {"amount": "1234.50", "currency": "EUR"},
    "lines": [
        {"sku": "CUP", "n": 1, "price": {"amount": "9.00", "currency": "EUR"}},
        {"sku": "JAR & LID", "n": 2, "price": {"amount": "100.00", "currency": "EUR"}},
    ],
    "none": [],
    "odd key": "x",
}  # fmt: skip
COUNTRIES = Table(
    name="countries", place=Place(""), columns=("code",), rows={("DE",): "276"},
    has_default=False, default=None, source="",
)  # fmt: skip


def read(text: str, kind: str = "text", **more: Any) -> tuple[Template | None, list[str]]:
    report = Report()
    vocabulary = Vocabulary(roots=frozenset({"body"}), tables={"countries": COUNTRIES})
    made = read_template(Source(text, "t.j2"), vocabulary, report, is_xml=kind == "xml")
    told = [f"{one.place.line}:{one.place.column} {one.code}" for one in report.found]
    if made is None:
        return None, told
    more.setdefault("encoding", "utf-8")
    return Template(kind=kind, place=Place("t.j2"), parts=made, **more), told  # type: ignore[arg-type]


def write(text: str, kind: str = "text", body: Any = ORDER, **more: Any) -> str:
    template, told = read(text, kind, **more)
    assert template is not None, told
    made = template({"body": body})
    assert isinstance(made, Written)
    return made.data.decode(made.encoding)


def refused(text: str, kind: str = "text", body: Any = ORDER, **more: Any) -> MessageError:
    with pytest.raises(MessageError) as caught:
        write(text, kind, body, **more)
    assert "secret" not in str(caught.value)
    return caught.value


def jinja(text: str) -> str:
    """Return what Jinja's own sandbox writes, with our functions as its functions and filters."""
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    ours = {name: one.__call__ for name, one in LIBRARY.items()}
    ours["length"] = len
    environment.globals = dict(ours)
    environment.filters |= ours
    return environment.from_string(text).render(body=ORDER)


#: templates that mean the same to Jinja and to us
SAME = [
    "{{ body.id }}",
    "{{ body['id'] }} {{ body[\"odd key\"] }}",
    "{{ body.lines[0].sku }}|{{ body.lines[-1]['sku'] }}",
    "{{ body.count }}{{ 7 }}{{ -7 }}",
    "a{# nothing #}b",
    "{% raw %}{{ body.id }}{% endraw %}",
    "  {% if body.paid %}\n  yes\n  {% else %}\n  no\n  {% endif %}\nend\n",
    "{% if body.empty %}a{% elif body.none %}b{% elif body.id == 'A-1' %}c{% else %}d{% endif %}",
    "{% if not body.empty and body.paid %}a{% endif %}",
    "{% if body.gone is defined %}a{% endif %}{% if body.gone is not defined %}b{% endif %}",
    "{% if body.gone is undefined or body.id == 'x' %}b{% endif %}",
    "{% if body.id in ['A-1', 'B'] %}in{% endif %}",
    "{% if 'JAR' in body.lines[1].sku %}part{% endif %}",
    "{% if body.id not in ('B', 'C') %}not in{% endif %}",
    "{% for one in body.lines %}\n{{ loop.index }}{{ 'L' if loop.last else '-' }}\n{% endfor %}\n",
    "{% for one in body.lines %}{% if not loop.first %};{% endif %}{{ one.sku }}{% endfor %}",
    "{% for line in body.none %}x{% endfor %}",
    "{% for a in body.lines %}{% for b in body.lines %}{{ a.n }}{{ b.n }} {% endfor %}{% endfor %}",
    "{% set who = body.id ~ '-' ~ body.lines[0].sku %}{{ who }}{{ who | lower }}",
    "{{ upper(body.id) }}{{ body.id | lower | pad_left(6, '0') }}",
    "{{ body.gone | default('none') }}{{ body.id | default('none') }}",
    "{{ amount_of(body.total) }} {{ body.total | amount_of }}",
    "{{ add(body.lines[0].price, body.lines[1].price) | amount_of }}",
    "{{ body.total | multiply('0.19') | amount_of }}",
    "{% if more(body.lines[1].price, body.lines[0].price) %}more{% endif %}",
    "{{ 'it''s' }}{{ \"a\\nb\" | replace('\\n', '/') }}",
    "{{ ['a', 'b'] | join('/') }}",
    "{{- body.id -}}  x  {%- if true %} y {% endif -%}  z",
    "{{ body.id if body.empty else body.count }}",
    "{{ (body.empty or body.id) | upper }}",
    "a\n\n{% if true %}\nb\n{% endif %}\n\nc",
]  # fmt: skip


@pytest.mark.parametrize("text", SAME)
def test_a_template_means_what_it_means_to_jinja(text: str) -> None:
    assert write(text) == jinja(text)


@pytest.mark.parametrize(
    "text", ["{{ body.gone }}", "{{ body.gone.deeper }}", "{{ gone }}", "{{ body.lines[9].sku }}"]
)
def test_what_is_undefined_to_jinja_is_never_written(text: str) -> None:
    with pytest.raises(UndefinedError):
        jinja(text)
    template, _ = read(text)
    if template is not None:
        assert isinstance(refused(text), TransformError)


def test_a_field_is_data_whatever_its_name_is() -> None:
    body = {"items": "1", "keys": "2", "get": "3", "__class__": "4"}
    text = "{{ body.items }}{{ body.keys }}{{ body.get }}{{ body.__class__ }}"
    assert write(text, body=body) == "1234"


def test_amounts_are_exact() -> None:
    body = {"a": {"amount": "0.10", "currency": "EUR"}, "b": {"amount": "0.20", "currency": "EUR"}}
    assert write("{{ add(body.a, body.b) | amount_of }}", body=body) == "0.30"
    huge = {"amount": "99999999999999999999.99", "currency": "EUR"}
    assert Decimal(write("{{ amount_of(body) }}", body=huge)) == Decimal("99999999999999999999.99")


@pytest.mark.parametrize("value", [1.5, 1e-7, True, False, None, [], {}, {"a": 1}])
def test_what_has_no_one_text_is_not_written(value: Any) -> None:
    error = refused("\n  {{ body.value }}", body={"value": value})
    assert str(error).startswith("{{ body.value }} is")
    assert (error.place.line, error.place.column) == (2, 6)  # type: ignore[union-attr]


def test_a_number_is_no_condition() -> None:
    assert "is a number" in str(refused("{% if body.count %}x{% endif %}"))


def test_xml_reads_as_what_was_written() -> None:
    text = '<order note="{{ body.note }}"><note>{{ body.note }}</note></order>'
    for note in (
        ORDER["note"],
        "]]>",
        "<!-- -->",
        "</note>",
        "&amp;",
        "a\tb\nc\rd",
        "'\"",
        "\U0001f600",
    ):
        root = ET.fromstring(write(text, "xml", {"note": note}).encode())
        assert root.get("note") == note
        assert root.findtext("note") == note


def test_xml_is_written_in_its_encoding() -> None:
    text = "<a>{{ body }}</a>"
    template, _ = read(text, "xml", encoding="iso-8859-1")
    assert template is not None
    made = template({"body": "é \u2013 \U0001f600"})
    assert made.data == (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<a>\xe9 &#8211; &#128512;</a>'
    )
    assert made.media_type == "application/xml; charset=iso-8859-1"
    assert ET.fromstring(made.data).text == "é \u2013 \U0001f600"


def test_a_text_is_written_in_its_encoding_or_not_at_all() -> None:
    assert write("{{ body }}", body="5 €", encoding="windows-1252") == "5 €"
    error = refused("\n{{ body }}", body="5 €", encoding="iso-8859-1")
    assert "line 2 of what is written has a character that iso-8859-1 lacks" in str(error)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\tb", "\x00", "\x1b[2J", "\u2028", "\x85"])
def test_a_value_begins_no_line_of_a_text(value: str) -> None:
    error = refused("H;{{ body }}\n", body=value)
    assert str(error) == "{{ body }} holds a line break or another control character"


def test_a_value_holds_no_separator_of_a_text() -> None:
    assert write("{{ body }};\n", body="a:b", separators=";'") == "a:b;\n"
    assert "holds one of the separators" in str(refused("{{ body }}", body="a;b", separators=";"))


def test_a_table_is_looked_up() -> None:
    assert write("{{ lookup('countries', body) }}", body="DE") == "276"
    assert read("{{ lookup('contries', body) }}")[1] == ["1:12 E107"]


def test_mistakes_are_told_all_at_once_at_their_places() -> None:
    text = "{{ bdy.id }}\n  {{ body.id | uper }}\n{% for x in range(3) %}{{ 1 + 2 }}{% endfor %}\n"
    assert read(text)[1] == ["1:4 E104", "2:16 E162", "3:13 E102", "3:27 E161"]
    assert read("\n\n {{ body.id ")[1][0].startswith("3:")


def test_a_place_is_right_behind_comments_trims_and_raw_text() -> None:
    text = (
        "{# a\nb #}{% raw %}{{ x }}{% endraw %}\n   {%- if body.id %}\r\n é {{ gone }}{% endif %}"
    )
    assert read(text.replace("\r\n", "\n"))[1] == ["4:7 E104"]


def test_the_size_of_what_is_written_is_bounded() -> None:
    body = {"rows": [{"text": "x" * 1000} for _ in range(3000)]}
    error = refused("{% for row in body.rows %}{{ row.text }}{% endfor %}", body=body)
    assert isinstance(error, LimitExceeded)
    assert f"more than {parts.MAX_OUTPUT} characters" in str(error)


def test_what_is_looked_at_is_bounded() -> None:
    body = {"rows": [{"n": str(number)} for number in range(3000)]}
    text = "{% for row in body.rows %}{% if find(body.rows, 'n', row.n) %}{% endif %}{% endfor %}"
    assert isinstance(refused(text, body=body), LimitExceeded)
    once = (
        "{% set by = index_by(body.rows, 'n') %}"
        "{% for row in body.rows %}{{ at(by, row.n).n }} {% endfor %}"
    )
    assert write(once, body=body).split() == [row["n"] for row in body["rows"]]


def test_the_largest_document_is_written() -> None:
    lines = [{"n": n, "side": "debit", "text": f"line {n}"} for n in range(1, 5001)]
    line = '<l n="{{ one.n }}" s="{{ one.side }}">{{ one.text }}</l>'
    text = f"<p>{{% for one in body %}}{line}{{% endfor %}}</p>"
    made = ET.fromstring(write(text, "xml", lines).encode())
    assert [one.get("n") for one in made] == [str(n) for n in range(1, 5001)]


def test_the_document_is_not_changed() -> None:
    before = json.dumps(ORDER)
    for text in SAME:
        write(text)
    assert json.dumps(ORDER) == before
