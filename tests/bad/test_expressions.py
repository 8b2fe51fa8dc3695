"""Bad inputs D: expressions and maps that hang, grow, or hide a mistake.

Each case is one named test. It stands in the map of a small project, which is checked and, where
the check has nothing against it, run over a document: in a process whose memory is bounded to
200 MB more than it had, within a second. What is refused is a finding with code and place, or one
error that shows no value; nothing ends in a traceback.

Held elsewhere: every function of the library with values at its bounds
(tests/unit/config/test_functions.py), templates (tests/bad/test_templates.py).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_texts
from router.config.schemas import DIALECT
from router.core.errors import MessageError
from router.runtime.installed import installed_adapters
from tests.bad.cage import SECONDS, Cage

pytestmark = pytest.mark.timeout(60)

BASE = Path(__file__).parents[1] / "rules" / "base"
ROUTER = str(Path(sysconfig.get_path("scripts")) / "router")
MAP = "transforms/inbox/task.yaml"
#: stands in the documents: no error may show it
PRIVATE = "mrs-private"

BIG = [{"n": number, "name": f"{PRIVATE} {number}"} for number in range(5000)]
FLAT = list(range(49_000))


def piped(part: str, times: int) -> str:
    return "|".join([part] * times)


def fields(count: int) -> str:
    return ",".join(f"f{number}: `{number}`" for number in range(count))


#: name -> expression after `title: =`, the code and a word of the finding
REFUSED: dict[str, tuple[str, str, str]] = {
    "a doubling 20 times": (f"body|{piped('[@,@]', 20)}", "E159", "up to 1048576 times"),
    "a doubling 60 times": (f"body|{piped('[@,@]', 60)}", "E159", "times"),
    "a doubling that is flattened": (
        f"body|{piped('[@,@]', 30)}|{piped('[]', 30)}",
        "E159",
        "up to 1073741824 times",
    ),
    "a doubling that is walked": (f"body|{piped('[@,@]', 25)}|{'[*]' * 24}", "E159", "times"),
    "a doubling that is compared": (
        f"(body|{piped('[@,@]', 25)}) == (body|{piped('[@,@]', 25)})",
        "E159",
        "times",
    ),
    "a doubling by an object": (f"body|{piped('{a: @, b: @}', 25)}", "E159", "times"),
    "a doubling by merge": (f"merge({','.join(['body'] * 300)})", "E159", "up to 300 times"),
    "a doubling of text by join": (f"body.id|{piped('join(@,[@,@])', 40)}", "E159", ""),
    "a doubling of text by to_string": (f"body|{piped('to_string([@,@])', 25)}", "E159", "times"),
    "a doubling in a filter": (f"body.lines[?({piped('[@,@]', 25)}|[][]) == `1`]", "E159", "times"),
    "a doubling as an argument": (f"length(body|{piped('[@,@]', 25)}|[][][][])", "E159", "times"),
    "a doubling by &": (f"sort_by(body.lines, &(to_string({piped('[@,@]', 25)})))", "E159", ""),
    "maps within maps": (
        f"map(&map(&map(&{['@'] * 6},{['@'] * 6}),{['@'] * 6}),body.lines)".replace("'", ""),
        "E159",
        "up to 216 times",
    ),
    "a literal for each item": (
        f"body.lines[*].[`[{','.join('1' * 600)}]`][][]",
        "E159",
        "values for one item",
    ),
    "257 fields for each item": (
        f"body.lines[*].{{{','.join(f'f{n}:`1`' for n in range(130))}}}",
        "E159",
        "make",
    ),
    "brackets 5,000 deep": (f"{'(' * 5000}body.id{')' * 5000}", "E105", "longer than 2048"),
    "brackets 900 deep": (f"{'(' * 900}body.id{')' * 900}", "E105", "nested deeper than 32"),
    "no 3,000 times": (f"{'!' * 3000}body.id", "E105", "longer than 2048"),
    "no 900 times": (f"{'!' * 900}body.id", "E105", "nested deeper than 32"),
    "a literal 900 deep": (f"`{'[' * 900}{']' * 900}`", "E105", "nested deeper than 32"),
    "or 600 times": ("||".join(["body"] * 300), "E105", ""),
    "a filter of a filter 300 times": (f"body{'[?id]' * 300}", "E105", ""),
    "a comparison of comparisons": ("==".join(["body"] * 250), "E105", ""),
    "a slice that stands still": ("body.lines[::0]", "E101", "step is 0"),
    "a literal of 1,900 digits": (f"`{'9' * 1900}`", "E101", "a number that JSON's readers"),
    "a literal of 2^64": ("`18446744073709551616`", "E101", "a number that JSON's readers"),
    "a literal 1e999": ("`1e999`", "E101", "a number that JSON's readers"),
    "a literal NaN": ("`NaN`", "E101", "a number that JSON's readers"),
    "half of a surrogate pair": ('`"\\ud83d"`', "E101", "half of a surrogate pair"),
    "half of a pair in a name": ('{"\\ud83d": body.id}', "E101", "half of a surrogate pair"),
    "a literal that is no JSON": ("`{a: 1}`", "E101", "no JSON"),
    "a text that is not closed": ("'abc", "E101", "not JMESPath"),
    "NUL": ("body.\0id", "E101", "not JMESPath"),
    "a letter of no alphabet": ("b\u043edy.id", "E101", "not JMESPath"),  # a Cyrillic o
    "a call of what is no function": ("__import__('os')", "E102", "unknown function"),
    "a root that is not there": ("boddy.id", "E104", "nothing is called boddy"),
    "a private root": ("__class__.x", "E104", "nothing is called __class__"),
    "the document of all roots": ("@", "E104", "nothing is called @"),
    "secrets": ("secrets.INBOX_SECRET", "E104", "nothing is called secrets"),
    "a function with a mistyped name": ("uper(body.id)", "E102", "uper"),
    "too few arguments": ("money(body.price)", "E103", "2"),
    "sum of money": ("sum([money(body.price, 'EUR')])", "E106", "as if it were a number"),
    "money compared": ("money(body.price, 'EUR') > money('9', 'EUR')", "E106", "as if it were"),
    "a reference as a value": ("&body.id", "E101", "& outside a call"),
    "a table that nobody declared": ("lookup('reasons', body.id)", "E107", "unknown table"),
    "a table by a field": ("lookup(body.id, 'x')", "E107", "without a table"),
}

#: name -> expression, document, reason, words
FAILS: dict[str, tuple[str, Any, str, str]] = {
    "sum of texts": ("sum(body.lines)", {"lines": ["1"]}, "transform_failed", "array-number"),
    "sum of a text": ("sum(body.id)", {"id": PRIVATE}, "transform_failed", "array-number"),
    "join of what is too long": (
        "join(body.id, body.lines)",
        {"id": "x" * 200_000, "lines": ["y"] * 20_000},
        "limit_exceeded",
        "join(): the text is larger",
    ),
    "join_text of what is too long": (
        "join_text(body.lines, body.id)",
        {"id": "x" * 200_000, "lines": ["y"] * 20_000},
        "transform_failed",
        "join_text(): the text is larger",
    ),
    "replace that grows": (
        "replace(body.id, 'x', body.id)",
        {"id": "x" * 200_000},
        "transform_failed",
        "replace(): the text is larger",
    ),
    "to_string of what is too large": (
        "to_string(body)",
        {"lines": [PRIVATE * 100] * 1000},
        "limit_exceeded",
        "to_string(): the text is larger",
    ),
    "a flattened list of too many": (
        "[body.lines,body.lines,body.lines,body.lines,body.lines][]",
        {"lines": FLAT},
        "limit_exceeded",
        "[] gives more than 200000 items",
    ),
    "padding to the moon": (
        "pad_left(body.id, `999999999`, '0')",
        {"id": "1"},
        "transform_failed",
        "the width is not between 0 and 1000",
    ),
    "a number that grows beyond what JSON holds": (
        "sum(body.lines)",
        {"lines": [1e308, 1e308]},
        "transform_failed",
        "no number that JSON has",
    ),
    "an integer that grows beyond 64 bits": (
        "sum(body.lines)",
        {"lines": [2**63, 2**63]},
        "transform_failed",
        "no number that JSON has",
    ),
    "a text as a number without end": (
        "to_number(body.id)",
        {"id": "1e9999"},
        "transform_failed",
        "no number that JSON has",
    ),
    "money by a rate with an exponent": (
        "multiply(money('1', 'EUR'), body.id)",
        {"id": "1e999999"},
        "transform_failed",
        "not a decimal number",
    ),
    "money by a rate of 5,000 digits": (
        "multiply(money('1', 'EUR'), body.id)",
        {"id": "9" * 5000},
        "transform_failed",
        "digits",
    ),
    "a quantity of a number with an exponent": (
        "quantity(body.lines[0], 'EA')",
        {"lines": [1e300]},
        "transform_failed",
        "digits",
    ),
    "an order of texts and numbers": (
        "sort(body.lines)",
        {"lines": ["1", 2]},
        "transform_failed",
        "sort(): an argument must be",
    ),
    "the largest of texts and numbers": (
        "max_by(body.lines, &n)",
        {"lines": [{"n": 1}, {"n": PRIVATE}]},
        "transform_failed",
        "in =max_by",
    ),
    "two objects under one key": (
        "index_by(body.lines, 'n')",
        {"lines": [{"n": PRIVATE}, {"n": PRIVATE}]},
        "transform_failed",
        "the key of item 2 is there already",
    ),
}

#: name -> expression, document, value: what is hostile only to look at
HOLDS: dict[str, tuple[str, Any, Any]] = {
    "a path of 500 fields": (f"body{'.a' * 500}", {}, None),
    "600 indices": (f"body.lines{'[0]' * 600}", {"lines": BIG}, None),
    "an index beyond every list": ("body.lines[99999999999999999999]", {"lines": BIG}, None),
    "a slice beyond every list": (
        "length(body.lines[0:99999999999999999999])",
        {"lines": BIG},
        5000,
    ),
    "projections within each other": (
        f"length(body.lines{'[*]' * 20})",
        {"lines": [[[0] * 10] * 10] * 100},
        100,
    ),
    "contains of a text in a text": (
        "contains(body.id, body.text)",
        {"id": "a" * 250_000, "text": "a" * 125_000 + "b"},
        False,
    ),
    "a 5,000-line order in order": (
        "sort_by(body.lines, &to_string(@))[0].n",
        {"lines": BIG},
        0,
    ),
    "one is not true": ("body.id == body.text", {"id": 1, "text": True}, False),
    "a text that looks like a template": ("body.id", {"id": "{{ 7*7 }}"}, "{{ 7*7 }}"),
    "a text that looks like an expression": ("body.id", {"id": "=body.secret"}, "=body.secret"),
    "an object with the names of methods": (
        "body.lines.items.__class__",
        {"lines": {"items": {"__class__": "x"}}},
        "x",
    ),
    "64 copies": (
        f"length(body.lines|{piped('[@,@]', 6)}|{piped('[]', 6)})",
        {"lines": [1] * 2000},
        64 * 2000,
    ),
}

#: name -> map, document, reason, words
MAPS: dict[str, tuple[str, Any, str, str]] = {
    "each within each over all lines": (
        "{rows: {each: =body.lines, map: {each: =body.lines, map: {n: =item.n}}}}",
        {"lines": BIG},
        "limit_exceeded",
        "each: more than 200000 items in all",
    ),
    "each three deep": (
        (
            "{a: {each: =body.lines, map: {b: {each: =body.lines, map:"
            " {c: {each: =body.lines, map: {n: =item.n}}}}}}}"
        ),
        {"lines": BIG[:500]},
        "limit_exceeded",
        "each: more than 200000 items in all",
    ),
    "each of a text": (
        "{rows: {each: =body.id, map: {n: =item}}}",
        {"id": PRIVATE},
        "transform_failed",
        "is text, not a list",
    ),
    "each of 50,001 items": (
        "{rows: {each: =body.lines, map: {n: =item}}}",
        {"lines": list(range(50_001))},
        "limit_exceeded",
        "each: more than 50000 items",
    ),
}


@lru_cache
def texts() -> dict[str, str]:
    return {
        str(path.relative_to(BASE)): path.read_text()
        for path in sorted(BASE.rglob("*"))
        if path.suffix in (".yaml", ".json")
    }


def anything(name: str) -> str:
    """Return a contract that says nothing: what the types would find is looked at elsewhere."""
    head = {"$schema": DIALECT, "$id": f"urn:contract:{name}:1.0.0", "type": "object"}
    return json.dumps({**head, "properties": {"id": {}, "kind": {}}, "additionalProperties": {}})


def told(mapping: str, document: Any) -> dict[str, Any]:
    """Check a project with a map and, where it has no mistake, run it over a document."""
    text = f"inputs: {{body: inbox/note@1}}\nto: open@1\nmap: {mapping}\n"
    files = {
        **texts(),
        MAP: text,
        "contracts/open/1.0.0.json": anything("open"),
        "contracts/inbox/note/1.0.0.json": anything("inbox/note"),
        "contracts/open/contract.yaml": "contract: open\nowner: desk\nunconsumed: a test\n"
        "keys: [id]\nversions: {1.0.0: {status: active}}\n",
        "routes/channels/inbox.yaml": texts()["routes/channels/inbox.yaml"].replace(
            "{object: task@1}", "{object: open@1}"
        ),
    }
    project, found = load_texts(BASE, files, installed_adapters())
    findings = [[one.code, str(one.place), one.message] for one in found]
    transform = project.transforms.get("inbox/task")
    if transform is None or document is None:
        return {"findings": findings}
    try:
        made = transform({"body": document, "headers": {}, "stamp": {}, "env": {}})
    except MessageError as error:
        return {"findings": findings, "reason": error.code, "text": str(error)}
    return {"findings": findings, "made": made}


def attempt(name: str) -> dict[str, Any]:
    """Run a case: what the cage calls."""
    kind, _, case = name.partition(":")
    if kind == "refused":
        return told(json.dumps({"title": "=" + REFUSED[case][0]}, ensure_ascii=False), {})
    if kind == "fails":
        return told(json.dumps({"title": "=" + FAILS[case][0]}), FAILS[case][1])
    if kind == "holds":
        return told(json.dumps({"title": "=" + HOLDS[case][0]}), HOLDS[case][1])
    if kind == "map":
        return told(*MAPS[case][:2])
    return told("{title: =body.id}", {"id": "warm"})


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_the_check(cage: Cage, name: str) -> None:
    _, code, words = REFUSED[name]
    answer = cage.run(f"refused:{name}")
    assert answer["seconds"] < SECONDS
    mine = [one for one in answer["findings"] if one[1].startswith(f"{MAP}:3:")]
    assert [one[0] for one in mine] == [code], answer
    assert words in mine[0][2]


@pytest.mark.parametrize("name", FAILS)
def test_refused_over_a_document(cage: Cage, name: str) -> None:
    _expression, _, reason, words = FAILS[name]
    answer = cage.run(f"fails:{name}")
    assert answer["seconds"] < SECONDS
    assert (answer["findings"], answer.get("reason")) == ([], reason), answer
    assert words in answer["text"]
    assert PRIVATE not in answer["text"]


@pytest.mark.parametrize("name", HOLDS)
def test_no_harm_in_it(cage: Cage, name: str) -> None:
    answer = cage.run(f"holds:{name}")
    assert answer["seconds"] < SECONDS
    assert answer["findings"] == []
    assert answer["made"].get("title") == HOLDS[name][2]


@pytest.mark.parametrize("name", MAPS)
def test_maps(cage: Cage, name: str) -> None:
    answer = cage.run(f"map:{name}")
    assert answer["seconds"] < SECONDS
    assert (answer["findings"], answer.get("reason")) == ([], MAPS[name][2]), answer
    assert MAPS[name][3] in answer["text"]
    assert PRIVATE not in answer["text"]


@pytest.mark.parametrize("name", ["a doubling 60 times", "a literal 1e999", "NUL", "secrets"])
def test_the_command_says_it_without_a_traceback(tmp_path: Path, name: str) -> None:
    root = Path(shutil.copytree(BASE, tmp_path / "project"))
    quoted = json.dumps("=" + REFUSED[name][0])
    text = texts()[MAP].replace("title: =body.text", f"title: {quoted}")
    (root / MAP).write_text(text)
    done = subprocess.run(
        [ROUTER, "check", "-p", root], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(rf"^{MAP}:5:\d+ {REFUSED[name][1]} ", done.stdout, re.MULTILINE), done.stdout
