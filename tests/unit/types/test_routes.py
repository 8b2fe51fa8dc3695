"""What is told of a route's own expressions before a message comes, and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_project
from router.core.diagnostics import Diagnostic
from router.runtime.installed import installed_adapters

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
#: what comes in: some of it is always there
BODY: dict[str, Any] = {
    "type": "object",
    "required": ["id", "state", "lines", "count"],
    "properties": {
        "id": TEXT,
        "state": {"enum": ["open", "done"]},
        "count": WHOLE,
        "parent": TEXT,
        "version": WHOLE,
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"n": WHOLE}}},
        "either": {
            "type": "object",
            "anyOf": [{"required": ["old"]}, {"required": ["new"]}],
            "properties": {"old": TEXT, "new": TEXT},
        },
    },
}
BODY["required"] = [*BODY["required"], "either"]
OUT = {
    "type": "object",
    "required": ["id", "parts"],
    "properties": {"id": TEXT, "more": TEXT, "parts": {"type": "array", "minItems": 1}},
}
MAP = "inputs: {body: in@1}\nto: out@1\nmap: {id: =body.id, more: =body.id, parts: =body.lines}\n"
HEAD = "contract: {}\nowner: us\nunconsumed: a test\nversions: {{1.0.0: {{status: active}}}}\n"
CHANNEL = """
channel: inbox
owner: us
from: {{http: {{path: /in/inbox, verify: {{none: a test}}, format: json}}}}
kind: "={kind}"
stamp: {{who: =body.id}}
identity: {{object: ["={identity}"]}}
routes:
  {route}:
    accept: in@1
    {more}
    steps: [{steps}]
otherwise: [{{dead_letter: unknown_kind}}]
on_failure: patient
"""
GOOD = {
    "kind": "headers.kind",
    "identity": "body.id",
    "route": "open",
    "more": "",
    "steps": "{discard: enough}",
}
PRODUCE = "{transform: it}, {produce: {object: out@1, key: [=payload.id, =payload.more]}}"
FILTERED = '{{filter: {{if: "={}", else: {{discard: enough}}}}}}, {{discard: enough}}'

SOUND = {
    "an identity that is there": {},
    "a header may be missing": {"identity": "headers.id"},
    "what stands for it": {"identity": "first_of(body.parent, body.id)"},
    "what is missing in words": {"identity": "needed(body.parent, 'the parent')"},
    "one of two fields is always there": {"identity": "first_of(body.either.old, body.either.new)"},
    "a kind that reads what no route has": {"kind": "(body.summary && 'sum') || body.state"},
    "a version that orders": {"more": "identity: {object: [=body.id], version: =body.count}"},
    "a condition that may hold": {"steps": FILTERED.format("body.parent")},
    "a list that may be empty": {"steps": FILTERED.format("body.lines")},
    "a key that its map always gives": {"steps": PRODUCE},
    "a list that the contract wants full, and the map may leave empty": {
        "steps": "{transform: it}, {filter: {if: =payload.parts, else: {discard: enough}}}, "
        "{produce: {object: out@1, key: [=payload.id]}}"
    },
    "what a filter asked is there": {
        "steps": "{filter: {if: =body.parent, else: {discard: enough}}}, {transform: it}, "
        "{produce: {object: out@1, key: [=body.parent]}}"
    },
}
MISTAKES = {
    "a field that is not there": ({"identity": "body.idd"}, "E190", "idd of body in in@1.0.0"),
    "a kind that nobody sends": ({"kind": "body.knd"}, "E190", "knd of body in in@1.0.0"),
    "a stamp that is not there": (
        {"more": "correlation: [=stamp.whoo]"},
        "E190",
        "whoo of the stamp of inbox",
    ),
    "a part that may be null": ({"identity": "body.parent"}, "E198", "body.parent is optional in"),
    "one of two may be null": ({"identity": "body.either.old"}, "E198", "either.old is optional"),
    "a part that is a list": ({"identity": "body.lines"}, "E199", "(body.lines in in@1.0.0)"),
    "a version that may be null": (
        {"more": "identity: {object: [=body.id], version: =body.version}"},
        "E198",
        "the version may be null: body.version is optional",
    ),
    "a version without order": (
        {"more": "identity: {object: [=body.id], version: \"=needed(body.day, 'it')\"}"},
        "E199",
        "text of the form date",
    ),
    "an order that may be null": ({"more": "order_by: [=body.parent]"}, "E198", "order_by may be"),
    "a kind that the contract does not know": (
        {"kind": "body.state", "route": "opened"},
        "E196",
        "body.state in in@1.0.0 is never opened",
    ),
    "a kind that is no text": ({"kind": "body.count"}, "E199", "(body.count in in@1.0.0)"),
    "a word that is never sent": (
        {"steps": FILTERED.format("body.state == 'opne'")},
        "E196",
        "body.state in in@1.0.0 is never opne",
    ),
    "a number for a condition": (
        {"steps": FILTERED.format("body.count")},
        "W190",
        "a whole number (body.count in in@1.0.0) is never empty",
    ),
    "what is always there for a condition": (
        {"steps": FILTERED.format("body.id != `null`")},
        "W190",
        "always holds (body.id in in@1.0.0)",
    ),
    "what is always there, asked for null": (
        {"steps": FILTERED.format("body.id == `null`")},
        "E200",
        "never holds (body.id in in@1.0.0)",
    ),
    "no list to split": (
        {"steps": "{split: {each: =body.id, as: one, empty: {discard: none}}}, {discard: x}"},
        "E195",
        "each: takes a list, is text",
    ),
    "a field of an item": (
        {
            "steps": "{split: {each: =body.lines, as: one, empty: {discard: enough}}}, "
            + FILTERED.format("one.m > `1`")
        },
        "E190",
        "m of body.lines[] in in@1.0.0",
    ),
}


@pytest.mark.parametrize("name", SOUND)
def test_what_may_be_right_is_not_told(name: str, tmp_path: Path) -> None:
    assert [str(one) for one in found(tmp_path, SOUND[name])] == []


@pytest.mark.parametrize("name", MISTAKES)
def test_what_cannot_be_right_names_both_ends(name: str, tmp_path: Path) -> None:
    parts, code, words = MISTAKES[name]
    (one,) = found(tmp_path, parts)
    assert (one.code, one.place.file) == (code, "routes/channels/inbox.yaml")
    assert words in one.message


#: keys of what is produced -> what is told of them: a code, and words
KEYS = {
    "[id]": (),
    "[id, more]": (),  # optional by the contract, and the map always gives it
    "[id, late]": ("E198", "late, may be null: body.parent is optional in in@1.0.0"),
    "[id, never]": ("E198", "never, may be null: nothing fills never"),
    "[deep.sure]": (),
    "[deep.late]": ("E198", "deep.late, may be null: body.parent is optional"),
    "[id, parts]": ("E199", "of out@1, parts, is a list"),
    "[idd]": ("E144", "keys: out@1.0.0 has no field idd"),
    "[deep.latte]": ("E144", "out@1.0.0 has no field deep.latte"),
    "[id.value]": ("E144", "out@1.0.0 has no field id.value"),
}


@pytest.mark.parametrize("keys", KEYS)
def test_the_key_that_a_contract_names_is_always_there(keys: str, tmp_path: Path) -> None:
    keyed(tmp_path, keys)
    shown = [(one.code, one.message) for one in told(tmp_path)]
    if not KEYS[keys]:
        assert shown == []
        return
    code, words = KEYS[keys]
    ((found_code, message),) = shown
    assert found_code == code
    assert words in message


def test_a_part_that_a_filter_asked_for_is_there(tmp_path: Path) -> None:
    for path in ("body.parent", "payload.late"):
        step = f"{{filter: {{if: ={path}, else: {{discard: enough}}}}}}"
        steps = (step, "{transform: it}") if path[0] == "b" else ("{transform: it}", step)
        keyed(tmp_path, "[id, late]", ", ".join(steps))
        assert told(tmp_path) == []


def keyed(root: Path, keys: str, steps: str = "{transform: it}") -> None:
    """Write a project that produces an object of which the contract names the key."""
    lay(root, {"steps": steps + ", {produce: {object: out@1}}"})
    fields = {"late": TEXT, "never": TEXT}
    deep = {"type": "object", "required": ["sure"], "properties": {"sure": TEXT, "late": TEXT}}
    schema = {**OUT, "properties": {**OUT["properties"], **fields, "deep": deep}}
    schema["required"] = [*OUT["required"], "deep"]
    put(root, "contracts/out/1.0.0.json", _schema("out", schema))
    put(root, "contracts/out/contract.yaml", HEAD.format("out") + f"keys: {keys}\n")
    late = "  late: =body.parent\n  deep: {sure: =body.id, late: =body.parent}\n"
    made = "  id: =body.id\n  more: =body.id\n  parts: =body.lines\n"
    put(root, "transforms/it.yaml", MAP.partition("map:")[0] + "map:\n" + made + late)


def test_a_field_of_one_contract_is_fine_for_all_routes(tmp_path: Path) -> None:
    """What a channel says for all its routes is wrong only where it fits none."""
    lay(tmp_path, {"identity": "first_of(body.key, body.id)"})
    put(
        tmp_path,
        "contracts/other/contract.yaml",
        HEAD.format("other"),
    )
    schema = {"type": "object", "required": ["key"], "properties": {"key": TEXT}}
    put(tmp_path, "contracts/other/1.0.0.json", _schema("other", schema))
    path = tmp_path / "routes/channels/inbox.yaml"
    more = "  other: {accept: other@1, steps: [{discard: enough}]}\notherwise"
    path.write_text(
        path.read_text().replace("otherwise", more).replace("{who: =body.id}", "{who: us}")
    )
    assert told(tmp_path) == []


def found(root: Path, parts: dict[str, str]) -> list[Diagnostic]:
    """Return what is told of a channel with these parts."""
    lay(root, parts)
    return told(root)


def told(root: Path) -> list[Diagnostic]:
    """Return the findings of a project."""
    return load_project(root, installed_adapters())[1]


def lay(root: Path, parts: dict[str, str]) -> None:
    """Write a project of one channel."""
    put(root, "routes/channels/inbox.yaml", CHANNEL.format(**{**GOOD, **parts}))
    put(
        root,
        "routes/policies/patient.yaml",
        "policy: failure\nname: patient\nretry: {after: [5s], within: 1h}\nat_last: dead_letter\n",
    )
    put(root, "transforms/it.yaml", MAP)
    for name, schema in (("in", BODY), ("out", OUT)):
        put(
            root,
            f"contracts/{name}/contract.yaml",
            HEAD.format(name),
        )
        put(root, f"contracts/{name}/1.0.0.json", _schema(name, schema))


def put(root: Path, name: str, text: str) -> None:
    """Write a file of the project."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _schema(name: str, schema: dict[str, Any]) -> str:
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:contract:{name}:1.0.0",
    }
    return json.dumps({**head, **schema})
