"""A project of one transform whose contracts a test writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router.config.project import load_project
from router.runtime.installed import installed_adapters

DIALECT = "https://json-schema.org/draft/2020-12/schema"
CONTRACT = "contract: {name}\nowner: us\nversions: {{1.0.0: {{status: active}}}}\n"
#: what a map has found out: the code, and the words after it
Check = Callable[..., list[tuple[str, str]]]
POLICY = "policy: failure\nname: patient\nretry: {after: [5s], within: 1h}\nat_last: dead_letter\n"
CHANNEL = """
channel: inbox
owner: us
from: {http: {path: /in/inbox, verify: {none: a test}, format: json}}
kind: ='it'
identity: {object: [=headers.id]}
routes:
  it:
    accept: in@1
    steps: [{transform: it}, {dead_letter: looked at}]
otherwise: [{dead_letter: unknown_kind}]
on_failure: patient
"""
TABLES = {
    "states": "table: states\nowner: us\nkeys: [sender, state]\ndefault: unknown\n"
    "rows: {a: {x: open, y: done}, b: {x: strange}}\n",
    "sure": "table: sure\nowner: us\nkeys: [state]\ndefault: {error: unknown_key}\n"
    "rows: {x: open, y: done}\n",
}


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Return the check of a map from `body` (properties of it) to a contract (properties)."""

    def run(
        text: str,
        body: dict[str, Any],
        to: dict[str, Any] | None = None,
        *,
        required: tuple[str, ...] = (),
        tables: str = "",
    ) -> list[tuple[str, str]]:
        schema = {"type": "object", **body} if "properties" in body else _object(body)
        _write(tmp_path, "in", schema)
        _write(tmp_path, "out", _object(to or {"a": {}}, *required))
        head = "inputs: {body: in@1}\nto: out@1\n"
        if tables:
            head += f"tables: [{tables}]\n"
        _put(tmp_path, "transforms/it.yaml", f"{head}map:\n{_indented(text)}")
        _put(tmp_path, "routes/channels/inbox.yaml", CHANNEL)
        _put(tmp_path, "routes/policies/patient.yaml", POLICY)
        for name, rows in TABLES.items():
            _put(tmp_path, f"routes/tables/{name}.yaml", rows)
        _, found = load_project(tmp_path, installed_adapters())
        strange = [one for one in found if one.place.file != "transforms/it.yaml"]
        assert strange == [], "\n".join(map(str, strange))
        return [(one.code, one.message) for one in found]

    return run


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": properties}


def _write(root: Path, name: str, schema: dict[str, Any]) -> None:
    head = {"$schema": DIALECT, "$id": f"urn:contract:{name}:1.0.0"}
    _put(root, f"contracts/{name}/1.0.0.json", json.dumps({**head, **schema}))
    _put(root, f"contracts/{name}/contract.yaml", CONTRACT.format(name=name))


def _put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
