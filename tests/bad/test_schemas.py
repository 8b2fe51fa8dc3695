"""Bad inputs D: schemas that hang, grow, reach out, contradict themselves; documents for them.

Each case is one named test over a small project, in a process whose memory is bounded to 200 MB
more than it had, within a second: at the check and at validation.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sysconfig
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from router.config.contracts import load_contracts
from router.config.source import MAX_TEXT
from router.core.diagnostics import Report
from router.core.errors import ContractViolation
from tests.bad.cage import SECONDS, Cage

pytestmark = pytest.mark.timeout(60)

BASE = Path(__file__).parents[1] / "rules" / "base"
ROUTER = str(Path(sysconfig.get_path("scripts")) / "router")
PATH = "contracts/task/1.0.0.json"
PRIVATE = "mrs-private"


def note(schema: Any, **top: Any) -> dict[str, Any]:
    return {"properties": {"note": schema}, **top}


def doubled(levels: int, keyword: str) -> dict[str, Any]:
    parts: dict[str, Any] = {
        f"l{level}": {keyword: [{"$ref": f"#/$defs/l{level + 1}"}] * 2} for level in range(levels)
    }
    return note({"$ref": "#/$defs/l0"}, **{"$defs": {**parts, f"l{levels}": {"type": "string"}}})


def within(levels: int) -> Any:
    made: Any = {"type": "string"}
    for _ in range(levels):
        made = {"properties": {"a": made}}
    return made


SELF = {"$ref": "#/$defs/a"}

#: name -> schema, code, words
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "$ref to a file": (note({"$ref": "file:///etc/hostname"}), "E208", "no such contract"),
    "$ref to http": (note({"$ref": "http://127.0.0.1:9/x.json"}), "E208", "no such contract"),
    "$ref to a path": (note({"$ref": "../../secrets.json"}), "E208", "no such contract"),
    "$ref to nothing inside": (note({"$ref": "#/$defs/no"}), "E208", "nothing is there"),
    "$ref to an anchor that is missing": (note({"$ref": "#no"}), "E208", "nothing is there"),
    "$ref to itself": (note(SELF, **{"$defs": {"a": SELF}}), "E157", "leads back to itself"),
    "$ref in a circle": (
        note(SELF, **{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": SELF}}),
        "E157",
        "leads back to itself",
    ),
    "anyOf with itself": (
        note(SELF, **{"$defs": {"a": {"anyOf": [{"type": "string"}, SELF]}}}),
        "E157",
        "leads back to itself",
    ),
    "allOf doubling 12 levels": (doubled(12, "allOf"), "E157", "questions about one value"),
    "allOf doubling 40 levels": (doubled(40, "allOf"), "E157", "questions about one value"),
    "anyOf doubling 40 levels": (doubled(40, "anyOf"), "E157", "questions about one value"),
    "itself twice at each level": (
        note(SELF, **{"$defs": {"a": {"properties": {"b": {"oneOf": [SELF, SELF]}}}}}),
        "E157",
        "questions about one value",
    ),
    "itself by two patterns": (
        note(SELF, **{"$defs": {"a": {"patternProperties": {"a": SELF, "b": SELF}}}}),
        "E157",
        "questions about one value",
    ),
    "anyOf of 5,000": (note({"anyOf": [{"type": "string"}] * 5000}), "E157", "questions"),
    "400 levels": (note(within(400)), "E157", "nested deeper than 64"),
    "look-ahead": (note({"pattern": "^(?=(a+)+$)a"}), "E156", "looks ahead"),
    "look-behind": (note({"pattern": "(?<=a)b"}), "E156", "looks ahead, behind or back"),
    "a reference back": (note({"pattern": r"^(a+)+\1$"}), "E156", "looks ahead, behind or back"),
    "a pattern of names that looks back": (
        note({"patternProperties": {r"^(a+)+\1$": {}}}),
        "E156",
        "a name looks ahead",
    ),
    "no pattern": (note({"pattern": "("}), "E156", "is no regular expression"),
    "a pattern of 257 characters": (note({"pattern": "a" * 257}), "E156", "more than 256"),
    "a pattern that repeats a million times": (
        note({"pattern": "^(a{1,1000}){1,1000}$"}),
        "E156",
        "repeats too much",
    ),
    "pattern is a number": (note({"pattern": 5}), "E204", "pattern"),
    "multipleOf 0": (note({"multipleOf": 0}), "E204", "multipleOf"),
    "a keyword with a mistake": (note({"propertys": {}}), "E207", "unknown keyword"),
    "50,000 unknown keywords": (
        note({f"word{number}": 1 for number in range(50_000)}),
        "E207",
        "unknown keyword",
    ),
    "a format that nobody knows": (note({"format": "datetime"}), "E209", "unknown format"),
    "bounds that changed places": (
        note({"minLength": 5, "maxLength": 3, "type": "string"}, required=["note"]),
        "E158",
        "no document",
    ),
    "two types at once": (
        note({"allOf": [{"type": "string"}, {"type": "number"}]}, required=["note"]),
        "E158",
        "no document",
    ),
    "required and not allowed": (
        note({}, required=["size"], additionalProperties=False),
        "E158",
        "no document",
    ),
    "an enum of nothing": (note({"enum": []}, required=["note"]), "E158", "no document"),
}

LISTED = note({"type": "array", "items": {"type": "string"}})
CENTS = note({"type": "number", "multipleOf": 0.01})


#: name -> schema, value of `note`, words of the violation; None = it holds
VALUES: dict[str, tuple[dict[str, Any], Any, str | None]] = {
    "(a+)+$ over 200,000 letters": (note({"pattern": "^(a+)+$"}), "a" * 200_000 + "!", "pattern"),
    "(x+x+)+y over 200,000 letters": (note({"pattern": "(x+x+)+y"}), "x" * 200_000, "pattern"),
    "a pattern with a line break after it": (note({"pattern": "^[0-9]+$"}), "12\n", "pattern"),
    "Arabic digits for \\d": (note({"pattern": "^\\d+$"}), "\u0661\u0662", "pattern"),
    "a letter of any alphabet": (note({"pattern": "^\\p{L}+$"}), "öß", None),
    "uniqueItems of 50,000": (
        note({"uniqueItems": True}),
        [{"a": number, "b": str(number)} for number in range(16_000)],
        None,
    ),
    "uniqueItems, the last twice": (
        note({"uniqueItems": True}),
        [*range(49_000), 48_999],
        "an item twice",
    ),
    "19.99 in cents": (CENTS, 19.99, None),
    "19.995 in cents": (CENTS, 19.995, "multiple"),
    "1e300 in cents": (CENTS, 1e300, None),
    "an enum of 100,000": (
        note({"enum": [str(number) for number in range(100_000)]}),
        "x",
        "must be one of",
    ),
    "50,000 wrong items": (LISTED, [1] * 49_000, "must be string"),
    "50,000 wrong items of an enum": (
        note({"items": {"enum": [str(number) for number in range(5000)]}}),
        [1] * 49_000,
        "must be one of",
    ),
    "50,000 wrong items of alternatives": (
        note({"items": {"anyOf": [{"type": "string"}] * 60}}),
        [1] * 49_000,
        "must be string",
    ),
    "a tree of itself, 60 levels": (
        note(SELF, **{"$defs": {"a": {"properties": {"a": SELF}, "type": "object"}}}),
        json.loads('{"a":' * 60 + "1" + "}" * 60),
        "must be object",
    ),
    "30 February": (note({"format": "date"}), "2026-02-30", "must be a date"),
    "a date in other digits": (note({"format": "date"}), "202\u0666-01-01", "must be a date"),
    "a date with a line break": (note({"format": "date"}), "2026-01-01\n", "must be a date"),
    "24:00": (note({"format": "date-time"}), "2026-02-28T24:00:00Z", "must be a date-time"),
    "a time without offset": (note({"format": "date-time"}), "2026-02-28T10:00:00", "date-time"),
    "a leap second": (note({"format": "date-time"}), "2026-12-31T23:59:60Z", None),
    "an address of two words": (note({"format": "email"}), "a b@c", "must be a email"),
    "a path for a URI": (note({"format": "uri"}), "foo", "must be a uri"),
    "a format of what is no text": (note({"format": "date"}), 5, None),
}


@lru_cache
def texts() -> dict[str, str]:
    return {
        str(path.relative_to(BASE)): path.read_text()
        for path in sorted((BASE / "contracts").rglob("*"))
        if path.suffix in (".yaml", ".json")
    }


def written(schema: dict[str, Any]) -> str:
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:contract:task:1.0.0",
        "type": "object",
        **schema,
    }
    return json.dumps(whole, indent=1)


def told(schema: str, document: Any) -> dict[str, Any]:
    """Load the contracts with a schema; validate a document where nothing is wrong with it.

    `seconds` are those of the check and the validation: writing the schema is the test's.
    """
    report = Report()
    begun = time.process_time()
    contracts = load_contracts({**texts(), PATH: schema}, report)
    findings = [[one.code, str(one.place), one.message] for one in report.found]
    if findings:
        return {"findings": findings, "seconds": time.process_time() - begun}
    text = {}
    try:
        contracts.versions["task"]["1.0.0"].ensure(document, "it")
    except ContractViolation as error:
        text = {"text": str(error)}
    return {"findings": [], "seconds": time.process_time() - begun, **text}


def attempt(name: str) -> dict[str, Any]:
    """Run a case: what the cage calls."""
    kind, _, case = name.partition(":")
    if kind == "refused":
        return told(written(REFUSED[case][0]), {})
    if kind == "value":
        return told(written(VALUES[case][0]), {"note": VALUES[case][1]})
    if kind == "deep":
        return told('{"a":' * 5000 + "1" + "}" * 5000, {})
    return told(written(LISTED), {"note": ["warm", 1]})


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_the_check(cage: Cage, name: str) -> None:
    _, code, words = REFUSED[name]
    answer = cage.run(f"refused:{name}")
    mine = [one for one in answer["findings"] if one[0] == code and words in one[2]]
    assert mine, answer
    assert {one[1].partition(":")[0] for one in answer["findings"]} == {PATH}
    assert answer["seconds"] < SECONDS


@pytest.mark.parametrize("name", VALUES)
def test_a_value(cage: Cage, name: str) -> None:
    words = VALUES[name][2]
    answer = cage.run(f"value:{name}")
    assert answer["findings"] == []
    assert ("text" in answer) is (words is not None), answer
    if words is not None:
        assert words in answer["text"]
        assert len(answer["text"]) < 5000
    assert answer["seconds"] < SECONDS


def test_json_5_000_deep(cage: Cage) -> None:
    answer = cage.run("deep:")
    assert [one[0] for one in answer["findings"]] == ["E201"]


def test_all_cent_values_are_multiples_of_a_cent() -> None:
    report = Report()
    contracts = load_contracts({**texts(), PATH: written(CENTS)}, report)
    contract = contracts.versions["task"]["1.0.0"]
    assert [cents for cents in range(10_000) if contract.violations({"note": cents / 100})] == []


@pytest.mark.parametrize("name", ["$ref to http", "look-ahead", "two types at once"])
def test_the_command_says_it_without_a_traceback(tmp_path: Path, name: str) -> None:
    root = Path(shutil.copytree(BASE, tmp_path / "project"))
    (root / PATH).write_text(written(REFUSED[name][0]))
    done = subprocess.run(
        [ROUTER, "check", "-p", root], capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert re.search(rf"^{PATH}:\d+:\d+ {REFUSED[name][1]} ", done.stdout, re.MULTILINE)
    assert len(written(REFUSED[name][0])) < MAX_TEXT
