"""Owns: a small landscape with a workflow: a channel tells it of parcels, a sandbox does the work.
Imports: tests.crash.processes, tests.crash.crew.
Never: copies the project.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.crash.processes import Landscape, free_port, wait_until
from tests.crash.traffic import Webhook

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PARTS = ("a", "b")
ANSWERS = """
      - {if: "=status == `503` || status == `429`", is: retry}
      - {if: "=status == `201`", is: done, reference: =body.reference}
      - {otherwise: unknown}
"""
KEYED = f"""accept: task@1
    request: {{post: /OF, headers: {{x-key: "{{reference}}"}}}}
    idempotency: {{kind: key, header: idempotency-key}}
    outcome:{ANSWERS}"""
FILES = {
    "contracts/memo/contract.yaml": (
        "contract: memo\nowner: us\nversions: {1.0.0: {status: active}}\n"
    ),
    "contracts/memo/1.0.0.json": {
        "type": "object",
        "required": ["id", "say"],
        "properties": {
            "id": {"type": "string"},
            "say": {"type": "string"},
            "parts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["part"],
                    "properties": {"part": {"type": "string"}},
                },
            },
        },
    },
    "contracts/task/contract.yaml": (
        "contract: task\nowner: us\nversions: {1.0.0: {status: active}}\nkeys: [id]\n"
    ),
    "contracts/task/1.0.0.json": {
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string"}, "part": {"type": "string"}},
    },
    "transforms/far/task.yaml": (
        "inputs: {view: task@1}\nto: task@1\nmap: {id: =view.id, part: =view.part}\n"
    ),
    "transforms/shop/memo.yaml": (
        "inputs: {body: memo@1}\nto: memo@1\n"
        "map: {id: =body.id, say: =body.say, parts: =body.parts}\n"
    ),
    "routes/policies/patient.yaml": (
        "policy: failure\nname: patient\nretry: {after: [100ms, 200ms, 500ms, 1s, 2s, 2s, 2s, 2s],"
        " within: 1h}\nat_last: dead_letter\n"
    ),
    "routes/policies/days.yaml": "policy: calendar\nname: days\nzone: Europe/Berlin\n",
    "routes/policies/nightly.yaml": (
        'policy: window\nname: nightly\nzone: Europe/Berlin\ncloses: "03:17"\n'
    ),
    "routes/policies/failures.yaml": (
        "policy: exception\nname: failures\nrules:\n  - {category: permanent, owner: us, sla: 4h}\n"
    ),
    "routes/systems/far.yaml": f"""
system: far
owner: us
adapter: http
on_failure: patient
operations:
  take:
    {KEYED.replace("OF", "takes")}
  ship:
    accept: task@1
    request: {{post: /ships, headers: {{x-key: "{{reference}}"}}}}
    idempotency: {{kind: lookup, settles_in: 1s}}
    outcome:{ANSWERS}    lookup:
      request: {{get: /ships, query: {{key: "{{reference}}"}}}}
      found: "=body.found[0]"
      missing: "=status == `200` && body.found == `[]`"
      reference: =body.found[0].key
  post:
    {KEYED.replace("OF", "posts")}
""",
    "routes/channels/shopify.yaml": """
channel: shopify
owner: us
from: {http: {path: /in/shopify, verify: {none: a test}, format: json}}
kind: =headers."x-shopify-topic"
identity: {object: [parcel, =body.id, =body.say]}
routes:
  opened:
    accept: memo@1
    steps: [{transform: shop/memo}, {signal: {workflow: parcel, event: parcel.opened}}]
  moved:
    accept: memo@1
    steps: [{transform: shop/memo}, {signal: {workflow: parcel, event: parcel.moved}}]
otherwise: [{dead_letter: unknown_kind}]
on_failure: patient
""",
    "routes/workflows/parcel.yaml": """
workflow: parcel
owner: us
version: 1
retain: {closed: 90d, tombstone: 400d}
facts:
  head: {merge: first}
  parts: {id: part, merge: rev, closed_by: take}
  moves: {id: say, merge: first}
events:
  parcel.opened:
    contract: memo@1
    key: =body.id
    starts: true
    put: {head: {say: =body.say}, parts: =body.parts}
  parcel.moved: {contract: memo@1, key: =body.id, starts: shell, put: {moves: [{say: =body.say}]}}
views:
  whole: {contract: task@1, map: {id: =instance.key}}
  part: {contract: task@1, map: {id: =instance.key, part: =item.part}}
calendar: [{use: days}]
exceptions: {classes: failures}
defaults:
  event: {orphan: {park: 1h, then: exception}}
  step: {timeout: {after: 26h, do: exception}}
  undo: {timeout: {after: 4h, do: exception}}
steps:
  take:
    send: {operation: far.take, view: whole, transform: far/task}
    undo: {none: a test}
  move: {needs: [take], await: =facts.moves, timeout: {after: 30d, do: exception}}
  rest:                                             # ends by its timer
    needs: [take]
    await: "=facts.moves[?say == 'at last']"
    timeout: {after: 1s, do: skip}
  ship:
    each: parts
    needs: [take]
    send: {operation: far.ship, view: part, transform: far/task}
    undo: {none: a test}
  post:
    each: parts
    needs: [ship, move, rest?]
    hold: {window: nightly, timeout: {after: 26h, do: exception}}
    send: {operation: far.post, view: part, transform: far/task}
    pivot: true
never:
  posted_unshipped: "=steps.post[?status != 'idle' && status('ship', id) != 'done']"
states:
  - {is: unopened}
  - {is: opened, if: =facts.head}
  - {is: taken, if: "=is_done('take')"}
  - {is: shipped, if: "=is_done('ship')"}
  - {is: closed, if: "=instance.opened && all_settled()", final: true}
  - {is: attention, if: =instance.exceptions}
""",
}
ENDPOINT = """
  - post: /{name}
    insert: {{into: {name}, document: '={{key: headers."x-key", id: body.id, part: body.part}}'}}
    answer: {{status: 201, body: {{reference: =headers."x-key"}}}}
"""
LOOK_UP = """
  - get: /ships
    select: {in: ships, by: =query.key}
    answer: {body: {found: =found}}
"""
COLLECTIONS = ("takes", "ships", "posts")


def lay(place: Landscape) -> None:
    """Write the landscape's files."""
    for name, text in FILES.items():
        path = place.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, str):
            path.write_text(text.lstrip("\n"))
        else:
            subject = name.split("/")[1]
            made = {"$schema": DIALECT, "$id": f"urn:contract:{subject}:1.0.0", **text}
            path.write_text(json.dumps(made))
    (place.root / "var").mkdir()
    write_environment(place, "crash", place.port)
    endpoints = "".join(ENDPOINT.format(name=one).lstrip("\n") for one in COLLECTIONS)
    kept = "".join(f"  {one}: {{key: =item.key}}\n" for one in COLLECTIONS)
    _write(
        place.root / "routes" / "sandboxes" / "crash.yaml",
        f"sandbox: crash\nhttp: {{host: 127.0.0.1, port: {place.sandbox_port}}}\n"
        f"collections:\n{kept}endpoints:\n{endpoints}{LOOK_UP[1:]}",
    )


def write_environment(place: Landscape, name: str, port: int) -> None:
    """Write an environment over the landscape's one store."""
    store = '{postgresql: "env:ROUTER_STORE"}' if place.server else "{sqlite: var/router.db}"
    _write(
        place.root / "routes" / "environments" / f"{name}.yaml",
        f"environment: {name}\nstore: {store}\n"
        f"http: {{host: 127.0.0.1, port: {port}}}\ntakes: [shopify]\nworkers: 8\n"
        f'systems:\n  far: {{url: "http://127.0.0.1:{place.sandbox_port}", timeout: 2s}}\n',
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def ports() -> dict[str, int]:
    """Return free ports for a landscape."""
    return {"port": free_port(), "sandbox_port": free_port()}


def parcels(numbers: Iterable[int]) -> list[Webhook]:
    """Return what comes of some parcels: every third is moved before it is opened."""
    hooks = []
    for number in numbers:
        key = f"P-{number}"
        opened = {"id": key, "say": "opened", "parts": [{"part": one} for one in PARTS]}
        moved = {"id": key, "say": "moved"}
        both = [("opened", opened), ("moved", moved)]
        for kind, body in both if number % 3 else reversed(both):
            hooks.append(Webhook(kind, f"{key}-{kind}", json.dumps(body).encode()))
    return hooks


def wait_held(place: Landscape, count: int, seconds: float) -> None:
    """Wait until all parcels have come as far as their window."""
    wait_until(
        lambda: place.query("SELECT count(*) FROM held_items") == [(count * len(PARTS),)],
        f"{count} parcels wait for their window",
        seconds=seconds,
        tick=0.2,
    )


def wait_closed(place: Landscape, count: int, seconds: float) -> None:
    """Wait until all parcels have ended and nothing waits."""
    wait_until(
        lambda: (
            place.query("SELECT count(*) FROM instances WHERE label = 'closed'") == [(count,)]
            and place.backlog() == 0
        ),
        f"{count} parcels are closed",
        seconds=seconds,
        tick=0.2,
    )


def assert_each_once(place: Landscape, count: int) -> None:
    """Each effect is at the far side once, by one key; nothing waits, journals have no gap."""
    keys = {f"P-{number}" for number in range(count)}
    wanted = {
        "takes": Counter((key, None) for key in keys),
        "ships": Counter((key, part) for key in keys for part in PARTS),
        "posts": Counter((key, part) for key in keys for part in PARTS),
    }
    for name, expected in wanted.items():
        found = place.documents(name)
        by_key: defaultdict[str, set[Any]] = defaultdict(set)
        for one in found:
            by_key[one["key"]].add((one["id"], one.get("part")))
        assert {key: what for key, what in by_key.items() if len(what) > 1} == {}
        assert Counter(next(iter(one)) for one in by_key.values()) == expected, name
    assert len(place.documents("ships")) == count * len(PARTS)  # it is asked before a repeat
    for table in ("queue", "due", "held_back", "held_items", "parked", "waits", "tasks"):
        assert place.query(f'SELECT count(*) FROM "{table}"') == [(0,)], table
    assert place.query("SELECT count(*) FROM dead") == [(0,)]
    assert place.query("SELECT count(*) FROM exceptions") == [(0,)]
    assert place.query("SELECT count(*) FROM intents WHERE state <> 'done'") == [(0,)]
    assert place.query("SELECT count(*) FROM instances") == [(count,)]
    gaps = "SELECT instance FROM turns GROUP BY instance HAVING max(seq) <> count(*)"
    assert place.query(gaps) == []


def assert_replays(place: Landscape) -> None:
    """Every journal, made anew, comes to what is kept."""
    done = place.command("workflow", "replay", "--limit", "100000", "--env", "crash")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all as they were" in done.stdout


def lives(place: Landscape) -> dict[str, Mapping[str, Any]]:
    """Return of each parcel what must not depend on when things came or who was killed."""
    found: dict[str, dict[str, Any]] = {}
    rows = place.query("SELECT id, key, label, final FROM instances")
    keys = {number: key for number, key, _, _ in rows}
    for _, key, label, final in rows:
        found[key] = {"label": label, "final": final, "sent": Counter(), "inputs": set()}
    turns = place.query("SELECT instance, kind, name, outcome, effects FROM turns")
    for number, kind, name, outcome, effects in turns:
        life = found[keys[number]]
        if outcome == "applied":
            life["inputs"].add((kind, name))
        for one in json.loads(effects):
            if one["effect"] in ("Send", "HoldItem"):
                life["sent"][one["key"]] += 1
    return found  # type: ignore[return-value]
