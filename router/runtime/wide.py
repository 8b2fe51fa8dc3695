"""Owns: measuring how long a wide project takes to check, beside reading its texts alone.
Imports: config, runtime.installed, runtime.memory.
Never: claims a figure of its own: both run in turn in one process.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.config.project import load_project
from router.config.source import skim
from router.runtime.installed import installed_adapters
from router.runtime.memory import building, let_go

#: fields of the object that every transform writes
FIELDS = 10
_TEXT = {"type": "string", "maxLength": 255}
_SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
_LINE = {"type": "object", "properties": {"code": _TEXT, "count": {"type": "integer"}}}
_LINES = {"type": "array", "maxItems": 50, "items": _LINE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """Seconds, one figure a repeat: the check, and libyaml and json over the same texts."""

    routes: int
    check: tuple[float, ...]
    floor: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the median of check / floor, repeat by repeat."""
        return statistics.median(a / b for a, b in zip(self.check, self.floor, strict=True))


def measure_check(channels: int, kinds: int, repeats: int) -> Width:
    """Check a project of so many channels, each of so many kinds with a transform of its own."""
    adapters = installed_adapters()
    check: list[float] = []
    floor: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_project(root, channels, kinds)

        def load() -> None:
            with building():
                _, findings = load_project(root, adapters)
            assert not findings, [str(one) for one in findings]

        for _ in range(repeats):
            check.append(_seconds(load))
            floor.append(_seconds(lambda: _read(root)))
            let_go()
    return Width(routes=channels * kinds, check=tuple(check), floor=tuple(floor))


def write_project(root: Path, channels: int, kinds: int) -> None:
    """Write the project into a folder."""
    for name, text in _texts(channels, kinds):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _texts(channels: int, kinds: int) -> Iterator[tuple[str, str]]:
    made = {f"f{n}": _TEXT for n in range(FIELDS)}
    yield from _contract("note", made, "keys: [f0]\nunconsumed: only measured\n")
    yield (
        "routes/policies/patient.yaml",
        "policy: failure\nname: patient\nretry: {after: [5s], within: 1h}\nat_last: dead_letter\n",
    )
    yield "routes/environments/bench.yaml", "environment: bench\nstore: {sqlite: var/x.db}\n"
    for number in range(channels):
        name = f"in{number}"
        given = {"id": _TEXT, "lines": _LINES, **{f"g{n}": _TEXT for n in range(FIELDS)}}
        yield from _contract(f"{name}/thing", given)
        for kind in range(kinds):
            fields = "".join(f"  f{n}: =body.g{n} || 'none {kind}'\n" for n in range(1, FIELDS))
            yield (
                f"transforms/{name}/kind{kind}.yaml",
                f"inputs: {{body: {name}/thing@1}}\nto: note@1\nmap:\n  f0: =body.id\n{fields}",
            )
        yield f"routes/channels/{name}.yaml", _channel(name, kinds)


def _contract(name: str, fields: dict[str, Any], more: str = "") -> Iterator[tuple[str, str]]:
    head = f"contract: {name}\nowner: bench\nversions: {{1.0.0: {{status: active}}}}\n"
    yield f"contracts/{name}/contract.yaml", head + more
    schema = {
        **_SCHEMA,
        "$id": f"urn:contract:{name}:1.0.0",
        "required": [next(iter(fields))],
        "properties": fields,
    }
    yield f"contracts/{name}/1.0.0.json", json.dumps(schema)


def _channel(name: str, kinds: int) -> str:
    head = f"""channel: {name}
owner: bench
from: {{http: {{path: /in/{name}, format: json, verify: {{none: a benchmark}}}}}}
kind: =headers.topic
identity: {{delivery: [=headers.event], object: [thing, =body.id], compare: [=body.g1]}}
routes:
"""
    routes = "".join(
        f"  kind{kind}:\n    accept: {name}/thing@1\n    correlation: [thing, =body.id]\n"
        f"    steps: [{{transform: {name}/kind{kind}}}, {{produce: {{object: note@1}}}}]\n"
        for kind in range(kinds)
    )
    return f"{head}{routes}otherwise: [{{dead_letter: unknown_kind}}]\non_failure: patient\n"


def _read(root: Path) -> None:
    """Read every text as its library does, and keep nothing."""
    for path in root.rglob("*.yaml"):
        skim(path.read_text())
    for path in root.rglob("*.json"):
        json.loads(path.read_text())


def _seconds(work: Callable[[], None]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
