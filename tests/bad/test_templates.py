"""Bad inputs D: templates that break out, hang or grow, and values that would become markup.

Each case is one named test. It stands in the template of a small project, which is checked and,
where the check has nothing against it, written over a document: in a process whose memory is
bounded to 200 MB more than it had, within a second. What is refused is a finding with code and
place, or one error that shows no value; nothing ends in a traceback. What is written as XML is read
again.

Held elsewhere: that templates mean what Jinja's sandbox means (tests/unit/config/test_written.py).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from router.config.project import load_texts
from router.config.schemas import DIALECT
from router.core.errors import MessageError
from router.runtime.installed import installed_adapters
from tests.bad.cage import SECONDS, Cage

pytestmark = pytest.mark.timeout(60)

BASE = Path(__file__).parents[1] / "rules" / "base"
ROUTER = str(Path(sysconfig.get_path("scripts")) / "router")
TEMPLATE = "transforms/archive/task.j2"
#: stands in the documents: no error may show it
PRIVATE = "mrs-private"

BIG = [{"n": number, "name": f"{PRIVATE} {number}"} for number in range(5000)]


def chain(count: int, first: str, step: str) -> str:
    """Return names that are each made of the one before: `{0}` is its name."""
    names = [f"v{number}" for number in range(count)]
    sets = [f"{{% set {names[0]} = {first} %}}"]
    for before, name in pairwise(names):
        sets.append(f"{{% set {name} = {step.format(before)} %}}")
    return "".join(sets) + f"{{{{ to_string({names[-1]}) }}}}"


#: name -> what stands in the template, the code and a word of the finding
REFUSED: dict[str, tuple[str, str, str]] = {
    "the attr filter": ("{{ payload | attr('__class__') }}", "E162", "no filter attr"),
    "a method of a text": ("{{ payload.id.format(payload) }}", "E161", "no function's name"),
    "a method of an empty text": ("{{ ''.join(payload) }}", "E161", "no function's name"),
    "the classes of a text": (
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "E161",
        "no function's name",
    ),
    "the globals of a function": ("{{ cycler.__init__.__globals__.os }}", "E104", "cycler"),
    "a call of a call": ("{{ upper('a')('b') }}", "E161", "no function's name"),
    "lipsum": ("{{ lipsum(n=5) }}", "E161", "arguments have an order"),
    "a namespace": ("{% set x = namespace(a=1) %}", "E161", "arguments have an order"),
    "a field of a namespace": ("{% set x.a = 1 %}", "E161", "not one name"),
    "self": ("{{ self }}", "E104", "nothing is called self"),
    "the context": ("{{ context }}", "E104", "nothing is called context"),
    "secrets": ("{{ secrets.ARCHIVE }}", "E104", "nothing is called secrets"),
    "open": ("{{ open('/etc/passwd') }}", "E102", "function open"),
    "__import__": ("{{ __import__('os') }}", "E102", "function __import__"),
    "percent formatting": ("{{ '%100000000d' % 1 }}", "E161", "no %"),
    "a text times a hundred million": ("{{ 'a' * 10**8 }}", "E161", "no *"),
    "a power of three million": ("{{ 7 ** (3 * 10 ** 6) }}", "E161", "no **"),
    "a number of 5,000 digits": (f"{{{{ {'9' * 5000} }}}}", "E160", "too long"),
    "a number of 40 digits": (f"{{{{ {'9' * 40} }}}}", "E101", "a number that JSON"),
    "center": ("{{ '' | center(10 ** 8) }}", "E161", "no **"),
    "center of a constant": ("{{ '' | center(100000000) }}", "E162", "no filter center"),
    "a huge range": ("{% for x in range(99999999) %}x{% endfor %}", "E102", "no function range"),
    "a macro that calls itself": ("{% macro a() %}{{ a() }}{% endmacro %}", "E161", "no macro"),
    "a call block": ("{% call upper() %}{% endcall %}", "E161", "no call"),
    "a recursive loop": ("{% for x in payload.lines recursive %}{% endfor %}", "E161", "recursive"),
    "include": ("{% include '/etc/passwd' %}", "E161", "no include"),
    "import": ("{% import 'other.j2' as other %}", "E161", "no import"),
    "from import": ("{% from 'other.j2' import other %}", "E161", "no import"),
    "extends": ("{% extends 'base.j2' %}", "E161", "no extends"),
    "a block of a set": ("{% set x %}{{ payload.id }}{% endset %}", "E161", "set without ="),
    "escaping switched off": (
        "{% autoescape false %}{{ payload.id }}{% endautoescape %}",
        "E161",
        "no autoescape",
    ),
    "safe": ("{{ payload.id | safe }}", "E162", "no filter safe"),
    "a floating point number": ("{{ 0.1 }}", "E161", "not exact"),
    "float": ("{{ payload.id | float }}", "E162", "no filter float"),
    "sum": ("{{ payload.lines | sum }}", "E162", "no filter sum"),
    "money compared": ("{% if payload.id > '9.00' %}x{% endif %}", "E161", "no <, >"),
    "brackets 3,000 deep": (f"{{{{ {'(' * 3000}1{')' * 3000} }}}}", "E160", "nested deeper"),
    "lists 3,000 deep": (f"{{{{ {'[' * 3000}1{']' * 3000} }}}}", "E160", "nested deeper"),
    "not 3,000 times": (f"{{{{ {'not ' * 3000}1 }}}}", "E160", "nested deeper"),
    "a path of 3,000 fields": (f"{{{{ payload{'.a' * 3000} }}}}", "E105", "longer than 2048"),
    "a path of 900 fields": (f"{{{{ payload{'.a' * 900} }}}}", "E105", "nested deeper"),
    "900 filters": (f"{{{{ payload.id{'|e' * 900} }}}}", "E105", "nested deeper"),
    "ifs 300 deep": (
        f"{'{% if payload.id %}' * 300}x{'{% endif %}' * 300}",
        "E160",
        "nested deeper than its parser",
    ),
    "loops 40 deep": (
        "".join(f"{{% for v{n} in payload.lines %}}" for n in range(40)) + "{% endfor %}" * 40,
        "E169",
        "nested deeper than 32",
    ),
    "a template of 17 KiB": ("x" * 17 * 1024, "E169", "larger than 16384 bytes"),
    "a list 65 times": (f"{{{{ text([{'payload,' * 65}]) }}}}", "E159", "65 times"),
    "half of a surrogate pair": ("{{ '\\ud83d' }}", "E101", "half of a surrogate pair"),
    "a tag that is not closed": ("{{ payload.id", "E160", "not Jinja"),
    "a block that is not closed": ("{% if payload.id %}", "E160", "not Jinja"),
    "a comment that is not closed": ("{# payload.id", "E160", "not Jinja"),
    "a tag that nobody knows": ("{% exec 'rm' %}", "E160", "unknown tag"),
    "a letter of no alphabet": ("{{ p\u0430yload.id }}", "E104", "nothing is called"),
    "a field with a typo": ("{{ payload.idd }}", "E190", "no field idd"),
    "a field that may be missing": ("{{ payload.note }}", "E165", "is optional"),
    "the whole object": ("{{ payload }}", "E166", "an object"),
    "a value in a comment": ("<!-- {{ payload.id }} -->", "E163", "a comment"),
    "a value in a CDATA section": ("<![CDATA[{{ payload.id }}]]>", "E163", "a CDATA section"),
    "a value in an instruction": ("<?go {{ payload.id }}?>", "E163", "a processing instruction"),
    "a value as a tag": ("<{{ payload.id }}/>", "E163", "the name of an element"),
    "a value as an attribute": ("<a {{ payload.id }}/>", "E163", "in a tag"),
    "a value without quotes": ("<a b={{ payload.id }}/>", "E164", "no attribute begins"),
    "a document type": ("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>", "E164", "type"),
    "a reference to an entity": ("&b;", "E164", "no reference that XML knows"),
    "a reference to no character": ("&#1;", "E164", "no reference that XML knows"),
    "a control character": ("\x01", "E164", "no such character"),
    "NUL": ("\0", "E164", "no such character"),
    "the end of a CDATA section": ("]]>", "E164", "]]>"),
    "a branch that closes too much": ("{% if payload.id %}</task>{% endif %}", "E164", "way ends"),
    "an element that a loop opens": (
        "{% for x in payload.lines %}<a>{% endfor %}",
        "E164",
        "a turn begins",
    ),
    "an attribute in a loop": (
        "<a{% for x in payload.lines %} b='{{ x.n }}'{% endfor %}/>",
        "E164",
        "several times",
    ),
}  # fmt: skip

#: name -> what stands in the template, the document's fields, reason, words
FAILS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a loop of a loop of a loop": (
        "{% for a in any.l %}{% for b in any.l %}" + "x{% endfor %}{% endfor %}",
        {"l": BIG},
        "limit_exceeded",
        "looks at more than",
    ),
    "an empty loop of a loop": (
        "{% for a in any.l %}{% for b in any.l %}{% endfor %}{% endfor %}",
        {"l": BIG},
        "limit_exceeded",
        "looks at more than",
    ),
    "a search for each line": (
        "{% for a in any.l %}{% if find(any.l, 'n', a.n) %}{% endif %}{% endfor %}",
        {"l": BIG},
        "limit_exceeded",
        "looks at more than",
    ),
    "a document compared for each line": (
        "{% for a in any.l %}{% if any.l == any.m %}{% endif %}{% endfor %}",
        {"l": BIG, "m": [dict(one) for one in BIG]},
        "limit_exceeded",
        "looks at more than",
    ),
    "a text looked through for each line": (
        "{% for a in any.l %}{% if any.t | upper == 'A' %}{% endif %}{% endfor %}",
        {"l": BIG, "t": "a" * 200_000},
        "limit_exceeded",
        "looks at more than",
    ),
    "a large text for each line": (
        "{% for a in any.l %}{{ any.t }}{% endfor %}",
        {"l": BIG, "t": "a" * 200_000},
        "limit_exceeded",
        "writes more than",
    ),
    "a large text of escapes": (
        "{% for a in any.l %}{{ any.t }}{% endfor %}",
        {"l": BIG[:9], "t": "&" * 100_000},
        "limit_exceeded",
        "writes more than",
    ),
    "a text that doubles 200 times": (
        chain(200, "any.t", "{0} ~ {0}"),
        {"t": "a" * 64},
        "limit_exceeded",
        "larger than",
    ),
    "a list that doubles 200 times": (chain(200, "any.l", "[{0}, {0}]"), {"l": [1]}, "", ""),
    "a list that doubles 18 times": (chain(18, "any.l", "[{0}, {0}]"), {"l": [1]}, "", ""),
    "padding to a hundred million": (
        "{{ any.t | pad_left(100000000, ' ') }}",
        {"t": "a"},
        "transform_failed",
        "pad_left()",
    ),
    "replacing by more": (
        "{{ any.t | replace('a', any.t) }}",
        {"t": "a" * 5000},
        "transform_failed",
        "replace()",
    ),
    "a field that is not there": ("{{ any.gone }}", {}, "transform_failed", "is not there"),
    "a field of what is not there": ("{{ any.a.b.c }}", {}, "transform_failed", "is not there"),
    "null": ("{{ any.t }}", {"t": None}, "transform_failed", "is not there"),
    "a floating point number": ("{{ any.t }}", {"t": 0.1}, "transform_failed", "not whole"),
    "a truth": ("{{ any.t }}", {"t": True}, "transform_failed", "true or false"),
    "an object": ("{{ any.t }}", {"t": {"a": PRIVATE}}, "transform_failed", "is an object"),
    "a loop over a text": (
        "{% for a in any.t %}{% endfor %}",
        {"t": PRIVATE},
        "transform_failed",
        "is text, not a list",
    ),
    "a loop over an object": (
        "{% for a in any.t %}{% endfor %}",
        {"t": {"a": PRIVATE}},
        "transform_failed",
        "is object, not a list",
    ),
    "no amount": ("{{ amount_of(any.t) }}", {"t": PRIVATE}, "transform_failed", "must be money"),
    "mixed currencies": (
        "{{ add(any.a, any.b) | amount_of }}",
        {"a": {"amount": "1.00", "currency": "EUR"}, "b": {"amount": "1.00", "currency": "USD"}},
        "transform_failed",
        "add()",
    ),
    "NUL in a value": ("{{ any.t }}", {"t": f"{PRIVATE}\0"}, "transform_failed", "XML does not"),
    "an escape in a value": ("{{ any.t }}", {"t": "\x1b[2J"}, "transform_failed", "XML does not"),
    "half a surrogate pair in a value": (
        "{{ any.t }}",
        {"t": "\ud83d"},
        "transform_failed",
        "XML does not have",
    ),
    "no character in a value": ("{{ any.t }}", {"t": "\uffff"}, "transform_failed", "XML does not"),
    "a control character in an attribute": (
        "<a b='{{ any.t }}'/>",
        {"t": "\x08"},
        "transform_failed",
        "XML does not have",
    ),
}  # fmt: skip

#: values that stay text, in an element and in an attribute
TEXTS: dict[str, str] = {
    "a tag": "</task><task>",
    "an element": "<paid>1000000</paid>",
    "a quote": '" paid="yes',
    "an apostrophe": "' paid='yes",
    "the end of a CDATA section": "]]>",
    "a CDATA section": "<![CDATA[<a/>]]>",
    "a comment": "--><!--",
    "an instruction": "<?xml version='1.0'?>",
    "a document type": "<!DOCTYPE a SYSTEM 'file:///etc/passwd'>",
    "an entity": "&xxe; &amp; &#0;",
    "a template": "{{ 7*7 }}{% for x in y %}",
    "formats": "%s {0.__class__} ${x}",
    "line breaks": "a\nb\rc\r\nd\te",
    "blanks": "   a   ",
    "letters of all planes": "\u00e9\u20ac\u4e2d\U0001f600\u202e",
    "the end of text": "\ue000\ufffd",
}

#: values that would begin another line or field of a text
LINES: dict[str, str] = {
    "a line break": "a\nb", "a carriage return": "a\rb", "a tab": "a\tb", "NUL": "\0",
    "a form feed": "\f", "a line separator": "\u2028", "a paragraph separator": "\u2029",
    "a next line": "\x85", "an escape": "\x1b[2J", "half a pair": "\ud800", "a separator": "a;b",
}  # fmt: skip


@lru_cache
def texts() -> dict[str, str]:
    return {
        str(path.relative_to(BASE)): path.read_text()
        for path in sorted(BASE.rglob("*"))
        if path.suffix in (".yaml", ".json")
    }


def contract() -> str:
    """Return a contract with a field of each sort, and one of which nothing is known."""
    fields = {
        "id": {"type": "string"},
        "title": {"type": "string"},
        "note": {"type": "string"},
        "any": {},
        "lines": {"type": "array", "items": {"type": "object", "required": ["n"],
                                             "properties": {"n": {"type": "string"}}}},
    }  # fmt: skip
    return json.dumps({
        "$schema": DIALECT, "$id": "urn:contract:task:1.0.0", "type": "object",
        "additionalProperties": False, "required": ["id", "title", "any", "lines"],
        "properties": fields,
    })  # fmt: skip


def told(template: str, document: dict[str, Any] | None, kind: str = "xml") -> dict[str, Any]:
    """Check a project with a template and, where it has no mistake, write a document with it."""
    more = "separators: ';'\n" if kind == "text" else ""
    files = {
        **texts(),
        "contracts/task/1.0.0.json": contract(),
        "transforms/inbox/task.yaml": "inputs: {body: inbox/note@1}\nto: task@1\n"
        "map: {id: =body.id, title: =body.text, any: =body.text, lines: []}\n",
        "transforms/desk/task.yaml": "inputs: {view: desk/memo@1}\nto: task@1\n"
        "map: {id: =view.id, title: =view.text, any: =view.text, lines: []}\n",
        "transforms/archive/task.yaml": f"inputs: {{payload: task@1}}\nlet: {{any: =payload.any}}\n"
        f"{more}{kind}: task.j2\n",
        TEMPLATE: template,
        "routes/systems/archive.yaml": texts()["routes/systems/archive.yaml"].replace(
            "    accept: task@1\n", "    accept: task@1\n    transform: archive/task\n"
        ),
    }
    project, found = load_texts(BASE, files, installed_adapters())
    findings = [[one.code, str(one.place), one.message] for one in found]
    transform = project.transforms.get("archive/task")
    if transform is None or document is None:
        return {"findings": findings}
    try:
        made = transform({"payload": document, "headers": {}, "stamp": {}, "env": {}})
    except MessageError as error:
        return {
            "findings": findings,
            "reason": error.code,
            "text": str(error),
            "place": str(error.place),
        }
    return {"findings": findings, "made": made.data.decode()}


def in_xml(text: str) -> str:
    return f"<task>\n{text}\n</task>\n"


def given(fields: Any) -> dict[str, Any]:
    return {"id": "1", "title": "a task", "any": fields, "lines": []}


def attempt(name: str) -> dict[str, Any]:
    """Run a case: what the cage calls."""
    kind, _, case = name.partition(":")
    if kind == "refused":
        return told(in_xml(REFUSED[case][0]), None)
    if kind == "fails":
        return told(in_xml(FAILS[case][0]), given(FAILS[case][1]))
    if kind == "text":
        return told("<task a='{{ any }}' b=\"{{ any }}\">{{ any }}</task>", given(TEXTS[case]))
    if kind == "line":
        return told("H;{{ any }};\n", given(LINES[case]), "text")
    return told(in_xml("{{ payload.id }}"), given({}))


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_the_check(cage: Cage, name: str) -> None:
    _, code, words = REFUSED[name]
    answer = cage.run(f"refused:{name}")
    assert answer["seconds"] < SECONDS
    assert answer["findings"], name
    assert all(one[1].startswith(TEMPLATE) for one in answer["findings"]), answer
    assert code in {one[0] for one in answer["findings"]}, answer
    assert any(words in one[2] for one in answer["findings"]), answer


@pytest.mark.parametrize("name", FAILS)
def test_refused_over_a_document(cage: Cage, name: str) -> None:
    _template, _, reason, words = FAILS[name]
    answer = cage.run(f"fails:{name}")
    assert answer["seconds"] < SECONDS
    assert answer["findings"] == []
    if not reason:
        assert answer.get("reason", "limit_exceeded") == "limit_exceeded"
        return
    assert answer.get("reason") == reason, answer
    assert words in answer["text"]
    assert answer["place"].startswith(f"{TEMPLATE}:2:")
    assert PRIVATE not in answer["text"]


@pytest.mark.parametrize("name", TEXTS)
def test_a_value_stays_text(cage: Cage, name: str) -> None:
    answer = cage.run(f"text:{name}")
    assert answer["seconds"] < SECONDS
    root = ET.fromstring(answer["made"].encode())
    assert [root.text, root.get("a"), root.get("b")] == [TEXTS[name]] * 3
    assert len(root) == 0
    assert set(root.attrib) == {"a", "b"}


@pytest.mark.parametrize("name", LINES)
def test_a_value_begins_no_other_line_or_field(cage: Cage, name: str) -> None:
    answer = cage.run(f"line:{name}")
    assert answer["seconds"] < SECONDS
    assert answer["reason"] == "transform_failed"
    assert answer["text"].startswith("{{ any }} holds")


@pytest.mark.parametrize("name", ["a power of three million", "safe", "a value in a comment"])
def test_the_command_says_it_without_a_traceback(tmp_path: Path, name: str) -> None:
    root = Path(shutil.copytree(BASE, tmp_path / "project"))
    text, code, _ = REFUSED[name]
    (root / "transforms/archive").mkdir()
    (root / "transforms/archive/task.yaml").write_text("inputs: {payload: task@1}\nxml: task.j2\n")
    (root / TEMPLATE).write_text(in_xml(text))
    done = subprocess.run(
        [ROUTER, "check", "-p", root], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(rf"^{TEMPLATE}:2:\d+ {code} ", done.stdout, re.MULTILINE), done.stdout
