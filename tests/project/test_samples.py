"""Every sample goes through the real code of `router try`; amounts are equal to the cent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import jmespath
import pytest

from router.config.project import Project, load_project
from router.config.source import read_yaml, to_json
from router.infra.codecs import decode_json
from router.infra.secrets import ProcessSecrets
from router.runtime.installed import installed_adapters
from router.runtime.rehearsal import Rehearsal, Script, rehearse
from router.runtime.wiring import open_adapters

ROOT = Path(__file__).parents[2]
TABLES = Path(__file__).parent / "tables"
SAMPLES = Path(os.environ.get("CROSSDOCK_SAMPLES", "/nowhere"))
ROUTER = Path(sys.executable).parent / "router"
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def tables() -> dict[str, dict[str, Any]]:
    """Return the tables beside this file by folder of samples; README.md says what they hold."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(TABLES.glob("*.yaml")):
        node, findings = read_yaml(path.read_text(), path.name)
        assert node is not None, findings
        document: Any = to_json(node)
        found[path.stem] = document
    return found


FOLDERS = tables()


def rows(name: str) -> list[dict[str, Any]]:
    """Return the rows of all tables under a name."""
    return [row for held in FOLDERS.values() for row in held.get(name, [])]


ROWS = {row["file"]: row for row in rows("samples")}
EXPECTED = {row["file"]: row["objects"] for row in rows("expected")}

#: shapes so alike that one passes for another
ALIKE = {("shopify/returns_approve.json", "returns/request")}
KINDS = ("refunds/create", "returns/request", "orders/create", "no/such")
WRONG = [
    (file, kind)
    for file in sorted(ROWS)
    for kind in KINDS
    if file.startswith("shopify/") and ROWS[file]["kind"] != kind and (file, kind) not in ALIKE
]
ROUTED = sorted(file for file, row in ROWS.items() if row.get("outcome") == "routed")

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="CROSSDOCK_SAMPLES names no folder")


@cache
def project() -> Project:
    """The shipped landscape, loaded once."""
    found, findings = load_project(ROOT, installed_adapters())
    assert not findings
    return found


def said(file: str, word: str) -> Any:
    """Return what the row of a sample says, or else its table."""
    return ROWS[file].get(word, FOLDERS[file.partition("/")[0]].get(word, {}))


def headers_of(file: str) -> dict[str, str]:
    """Return what a sender sends beside a body; files have no headers."""
    kind = ROWS[file].get("kind", "")
    return {name: text.format(file=file, kind=kind) for name, text in said(file, "headers").items()}


def answers_of(file: str) -> dict[str, Any]:
    """Return what systems answer, by call: samples, or the project's own where there is none."""
    return {call: answer(one) for call, one in said(file, "answers").items()}


def answer(told: str | dict[str, str]) -> Any:
    """Return an answer: a file, or what stands somewhere in it."""
    name, at = (told, "@") if isinstance(told, str) else (told["file"], told.get("at", "@"))
    root = ROOT if name.startswith("routes/") else SAMPLES
    return jmespath.search(at, decode_json((root / name).read_bytes()))


def walked(file: str, **headers: str) -> Rehearsal:
    """Return what comes of a sample."""
    landscape = project()
    environment = landscape.environments["demo"]
    script = Script(
        env=dict(environment.values),
        answers=answers_of(file),
        adapters=open_adapters(landscape, environment, ProcessSecrets({}, None)),
        at=NOW,
    )
    channel = landscape.channels[said(file, "channel")]
    body = (SAMPLES / file).read_bytes()
    return rehearse(landscape, channel, {**headers_of(file), **headers}, body, script)


def outcomes_of(row: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what a row wants: what it says itself, or each of its `outcomes`."""
    return [
        (one.get("kind", ""), one["outcome"], one.get("reason", ""))
        for one in row.get("outcomes", [row])
    ]


def objects_of(made: Rehearsal) -> dict[str, list[Any]]:
    """Return the produced objects by the name of their contract."""
    found: dict[str, list[Any]] = {}
    for one in made.produced:
        found.setdefault(one["object"].partition("@")[0], []).append(one["payload"])
    return found


def test_the_table_names_every_sample_once() -> None:
    there = {
        path.relative_to(SAMPLES).as_posix()
        for folder in FOLDERS
        for path in (SAMPLES / folder).iterdir()
    }
    assert set(ROWS) == there
    assert len(ROWS) == len(rows("samples"))


def test_samples_are_worked_out_by_hand() -> None:
    assert len(EXPECTED) == len(rows("expected")) >= 12
    assert set(EXPECTED) <= set(ROWS)


@pytest.mark.parametrize("file", sorted(ROWS))
def test_a_sample_comes_out_as_the_table_says(file: str) -> None:
    row = ROWS[file]
    made = walked(file)
    wanted = outcomes_of(row)
    assert [(one["kind"], one["outcome"], one["reason"]) for one in made.outcomes] == wanted, (
        stages(made)
    )
    assert bool(made.produced) == ("routed" in [outcome for _, outcome, _ in wanted])


@pytest.mark.parametrize("file", ROUTED)
def test_a_routed_sample_ends_in_a_request_or_says_why_not(file: str) -> None:
    """Nothing on its way through flows and operations is a dead letter or cannot be sent."""
    made = walked(file)
    assert "dead letter" not in [stage.title for stage in made.stages], stages(made)
    assert "cannot be sent" not in stages(made)


@pytest.mark.parametrize("file", sorted(EXPECTED))
def test_the_objects_are_as_worked_out_by_hand(file: str) -> None:
    found = objects_of(walked(file))
    assert set(found) == set(EXPECTED[file])
    for name, claims in EXPECTED[file].items():
        objects = found[name][0] if len(found[name]) == 1 else found[name]
        for claim in claims:
            for expression, wanted in claim.items():
                assert jmespath.search(expression, objects) == wanted, f"{name}: {expression}"


@pytest.mark.parametrize(("file", "kind"), WRONG)
def test_a_sample_under_a_wrong_kind_is_a_dead_letter(file: str, kind: str) -> None:
    made = walked(file, **{"x-shopify-topic": kind})
    assert [one["outcome"] for one in made.outcomes] == ["dead_lettered"]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("shopify/refunds_create.json", 0),
        ("shopify/payout_transactions_list.json", 1),
        ("arts_poslog/return_linked_to_sale.xml", 0),
    ],
)
def test_the_command_says_the_same(file: str, code: int) -> None:
    words = [str(ROUTER), "try", said(file, "channel"), str(SAMPLES / file)]
    for name, value in headers_of(file).items():
        words += ["--header", f"{name}={value}"]
    done = subprocess.run(
        [*words, "--format", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stderr
    told = json.loads(done.stdout)
    made = walked(file)
    assert told["outcomes"] == made.outcomes
    assert told["produced"] == made.produced
    assert told["ok"] == (code == 0)


def stages(made: Rehearsal) -> str:
    """Return a walk as text, for the message of a failure."""
    return "\n".join(f"{stage.title}: {stage.text}" for stage in made.stages)
