"""Owns: that a test of the language passes when all came true, and else says exactly what did not.
Imports: config.project, runtime.cases, runtime.installed, runtime.wiring, infra.secrets.
Never: reads the shipped project; needs a server, a broker or real time.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from router.config.project import load_project
from router.infra.secrets import ProcessSecrets
from router.runtime.cases import Result, Rig, run_cases
from router.runtime.installed import installed_adapters
from router.runtime.wiring import open_adapters

#: JSON, which YAML reads as well
NOTE = '{"kind": "note", "id": "n1", "text": "Buy tea", "count": 2, "lines": [{"name": "tea"}]}'
TASK = '{"id": "n1", "title": "Buy tea", "count": 2, "steps": [{"name": "tea"}]}'
ASKED = NOTE.replace("note", "asked")


def schema(name: str, *required: str, **properties: object) -> str:
    """Return a contract's schema; a property that is a type's name is of that type."""
    said = {key: {"type": one} if isinstance(one, str) else one for key, one in properties.items()}
    urn = f"urn:contract:{name}:1.0.0"
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": urn}
    return json.dumps({**head, "type": "object", "required": required, "properties": said})


NAMED = {"type": "array", "items": {"type": "object"}}
CONTRACT = "contract: {}\nowner: desk\nversions: {{1.0.0: {{status: active}}}}\n"
PROJECT = {
    "contracts/inbox/note/contract.yaml": CONTRACT.format("inbox/note"),
    "contracts/inbox/note/1.0.0.json": schema(
        "inbox/note",
        "id",
        "text",
        kind="string",
        id="string",
        text="string",
        count="integer",
        lines=NAMED,
    ),
    "contracts/task/contract.yaml": CONTRACT.format("task") + "keys: [id]\n",
    "contracts/task/1.0.0.json": schema(
        "task", "id", "title", id="string", title="string", count="integer", steps=NAMED
    ),
    "transforms/inbox/task.yaml": """
inputs: {body: inbox/note@1}
to: task@1
map: {id: =body.id, title: =body.text, count: =body.count, steps: =body.lines}
""",
    "transforms/inbox/found.yaml": """
inputs: {body: inbox/note@1, found: inbox/note@1}
to: task@1
map: {id: =body.id, title: =found.text}
""",
    "routes/policies/patient.yaml": """
{policy: failure, name: patient, retry: {after: [5s, 1m], within: 1h}, at_last: dead_letter}
""",
    "routes/channels/inbox.yaml": """
channel: inbox
owner: desk
from: {http: {path: /in/inbox, verify: {none: a test}, format: json}}
kind: =body.kind
identity: {object: [note, =body.id], compare: [=body.text]}
routes:
  note:
    accept: inbox/note@1
    correlation: [note, =body.id]
    steps: [{transform: inbox/task}, {produce: {object: task@1}}]
  asked:
    accept: inbox/note@1
    steps: [{enrich: {call: archive.find, with: {id: =body.id}, as: found}},
      {transform: inbox/found}, {produce: {object: task@1}}]
  old: {discard: too old}
otherwise: [{dead_letter: unknown_kind}]
on_failure: patient
""",
    "routes/flows/file_task.yaml": """
{flow: file_task, owner: desk, from: {object: task@1}, on_failure: patient,
 steps: [{send: {operation: archive.put}}]}
""",
    "routes/systems/archive.yaml": """
system: archive
owner: desk
adapter: http
on_failure: patient
operations:
  put:
    accept: task@1
    request: {post: /tasks}
    idempotency: {kind: key, header: idempotency-key}
    outcome:
      - {if: "=status == `503`", is: retry}
      - {if: "=status == `409`", is: refused, code: taken}
      - {if: "=status == `201`", is: done, reference: =body.id}
      - {otherwise: unknown}
  find:
    {arguments: [id], returns: inbox/note@1, request: {get: "/notes/{id}"},
    outcome: [{if: "=status == `200`", is: done, result: =body}, {otherwise: retry}]}
""",
    "routes/environments/test.yaml": """
{environment: test, store: {sqlite: var/test.db}, systems: {archive: {url: "http://127.0.0.1:9"}}}
""",
}


class Desk:
    """A small project on disk to which a test adds tests of the language."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in PROJECT.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self) -> list[Result]:
        project, found = load_project(self.root, installed_adapters())
        assert found == []
        settings = project.environments["test"]
        adapters = open_adapters(project, settings, ProcessSecrets({}, None))
        return list(run_cases(Rig(project=project, environment=settings, adapters=adapters)))

    def complaints(self, file: str, *cases: tuple[str, ...]) -> list[list[str]]:
        """Return the complaints of cases (given, expect, mocks), all of one file."""
        lines = ["tests:"]
        for number, (given, expect, *mocks) in enumerate(cases, 1):
            also = f", mocks: {{{mocks[0]}}}" if mocks else ""
            case = f"given: {{{given}}}, expect: {{{expect}}}{also}"
            lines.append(f"  - {{name: case {number}, {case}}}")
        self.write(f"routes/{file}.test.yaml", "\n".join([*lines, ""]))
        return [list(result.complaints) for result in self.run()]

    def channel(self, given: str, expect: str, *mocks: str) -> list[str]:
        return self.complaints("channels/inbox", (given, expect, *mocks))[0]

    def flow(self, expect: str) -> list[str]:
        given = f"object: task@1, body: {TASK}"
        return self.complaints("flows/file_task", (given, expect))[0]

    def system(self, mocks: str, expect: str) -> list[str]:
        given = f"operation: put, object: task@1, body: {TASK}"
        return self.complaints("systems/archive", (given, expect, f"archive.put: {mocks}"))[0]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.write("routes/channels/fixtures/note.json", NOTE)
    made.write("routes/channels/fixtures/task.json", TASK)
    made.write("routes/channels/fixtures/half.json", '{"id": ')
    return made


def task(expected: str) -> str:
    """Return the expectation of one task with what is expected of it."""
    return f"outcome: routed, produced: [{{object: task@1{expected}}}]"


@pytest.mark.parametrize(
    "expect",
    [
        "outcome: routed",
        "outcome: routed, correlation: note/n1, retries: [], sent: []",
        task(""),
        task(", key: n1"),
        task(f", payload: {{equals: {TASK}}}"),
        task(", payload: {contains: {steps: [{}]}}"),
        task(", payload: {file: fixtures/task.json}"),
    ],
)
def test_what_came_true_is_no_complaint(desk: Desk, expect: str) -> None:
    assert desk.channel(f"body: {NOTE}", expect) == []
    assert desk.channel("body_file: fixtures/note.json", expect) == []


@pytest.mark.parametrize(
    ("expect", "complaint"),
    [
        ("outcome: discarded", "outcome: routed, expected discarded"),
        ("outcome: routed, reason: too old", "reason: none, expected too old"),
        ("outcome: routed, correlation: note/n2", "correlation: note/n1, expected note/n2"),
        ("outcome: routed, retries: [5s, 1m]", "retries: [] s, expected [5.0, 60.0] s"),
        (task("}, {object: task@1"), "produced: task@1.0.0, expected task@1.0.0, task@1.0.0"),
        (task(", key: n2"), "produced[0].key: n1, expected n2"),
        ("outcome: routed, sent: [{operation: a.b}]", "sent: nothing, expected a.b"),
        ("outcome: routed, dead: {reason: lost}", "dead: none, expected lost"),
    ],
)
def test_what_did_not_come_true_is_told(desk: Desk, expect: str, complaint: str) -> None:
    assert desk.channel(f"body: {NOTE}", expect) == [complaint]


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        ("contains: {title: Buy milk}", '.title: "Buy tea", expected "Buy milk"'),
        ("contains: {note: soon}", '.note: is missing, expected "soon"'),
        ("contains: {steps: [{name: milk}]}", '.steps[0].name: "tea", expected "milk"'),
        ("contains: {steps: []}", ".steps: 1 items, expected 0"),
        ('contains: {count: "2"}', '.count: 2, expected "2"'),
        ("contains: {count: true}", ".count: 2, expected true"),
        ("contains: {steps: {name: tea}}", '.steps: [{"name": "tea"}], expected {"name": "tea"}'),
        ("equals: {id: n1, title: Buy tea, count: 2}", ".steps: was not expected"),
        (f"equals: {TASK.replace('tea', 'milk', 1)}", '.title: "Buy tea", expected "Buy milk"'),
        (f"equals: {TASK}, contains: {{id: n2}}", '.id: "n1", expected "n2"'),
        ("contains: {id: n1}, file: fixtures/other.json", '.id: "n1", expected "n2"'),
    ],
)
def test_a_payload_that_differs_is_told_with_its_path(
    desk: Desk, payload: str, complaint: str
) -> None:
    desk.write("routes/channels/fixtures/other.json", TASK.replace("n1", "n2"))
    found = desk.channel(f"body: {NOTE}", task(f", payload: {{{payload}}}"))
    assert found == [f"produced[0]{complaint}"]


def test_at_most_eight_differences_are_told_and_long_values_are_cut(desk: Desk) -> None:
    wanted = ", ".join(f"field{number}: {'x' * 90}" for number in range(9))
    found = desk.channel(f"body: {NOTE}", task(f", payload: {{contains: {{{wanted}}}}}"))
    assert found == [
        f'produced[0].field{number}: is missing, expected "{"x" * 76}...' for number in range(8)
    ]


def test_several_complaints_come_together(desk: Desk) -> None:
    expect = "outcome: discarded, reason: too old, correlation: x, produced: [], retries: [5s]"
    assert desk.channel(f"body: {NOTE}", expect) == [
        "outcome: routed, expected discarded",
        "reason: none, expected too old",
        "correlation: note/n1, expected x",
        "produced: task@1.0.0, expected nothing",
        "retries: [] s, expected [5.0] s",
    ]


def test_a_discard_has_its_reason(desk: Desk) -> None:
    given = "body: {kind: old}"
    assert desk.channel(given, "outcome: discarded, reason: too old, produced: []") == []
    (found,) = desk.channel(given, "outcome: discarded, reason: too young")
    assert found == "reason: too old, expected too young"
    (outcome, produced) = desk.channel(given, task(""))
    assert outcome == "outcome: discarded (too old), expected routed"
    assert produced == "produced: nothing, expected task@1.0.0"


def test_what_a_filter_drops_keeps_its_identity_and_what_has_no_route_has_none(desk: Desk) -> None:
    channel, filtered = "routes/channels/inbox.yaml", "filter: {if: =body.count, else: {%s}}"
    text = (desk.root / channel).read_text()
    steps = "steps: [{transform: inbox/task}"
    stop = "{" + filtered % "discard: not yet" + "}"
    desk.write(channel, text.replace(steps, f"steps: [{stop}, {{transform: inbox/task}}"))
    waits = NOTE.replace('"count": 2, ', "")
    assert (
        desk.complaints(
            "channels/inbox",
            (f"body: {waits}", "outcome: discarded, reason: not yet"),
            ("repeat: case 1", "outcome: duplicate"),
            (f"repeat: case 1, body: {NOTE}", "outcome: duplicate"),
            (f"repeat: case 1, body: {waits.replace('tea', 'milk')}", "outcome: conflict"),
            ("body: {kind: old}", "outcome: discarded"),
            ("repeat: case 5", "outcome: discarded"),
        )
        == [[]] * 6
    )
    stop = "{" + filtered % "dead_letter: not_yet" + "}"
    desk.write(channel, text.replace(steps, f"steps: [{stop}, {{transform: inbox/task}}"))
    assert desk.channel(f"body: {waits}", "dead: {reason: not_yet, step: dead_letter}") == []


def test_a_dead_letter_has_reason_step_and_detail(desk: Desk) -> None:
    given = "body: {kind: note, id: n1, text: 7, lines: []}"
    detail = "the record breaks inbox/note@1.0.0: /text must be string, is number (type)"
    told = f"dead: contract_violation in accept: {detail}, expected"
    for dead, complaints in (
        ("reason: contract_violation", []),
        ("reason: contract_violation, step: accept, detail: /text must be string", []),
        ("reason: lost", [f"{told} lost"]),
        ("reason: contract_violation, step: decode", [f"{told} contract_violation in decode"]),
        ("reason: contract_violation, detail: /id", [f"{told} contract_violation: /id"]),
    ):
        assert desk.channel(given, f"outcome: dead_lettered, dead: {{{dead}}}") == complaints
    (found,) = desk.channel(given, "outcome: routed")
    assert found == f"outcome: dead_lettered (contract_violation: {detail}), expected routed"


@pytest.mark.parametrize(
    ("expect", "complaints"),
    [
        ("dead: {reason: contract_violation}", []),
        ("produced: []", []),
        ("dead: {reason: lost}", ["dead: contract_violation in accept: "]),
        ("", ["expect says nothing, and the outcome was dead_lettered"]),
    ],
)
def test_an_outcome_that_is_not_said_is_not_compared(
    desk: Desk, expect: str, complaints: list[str]
) -> None:
    found = desk.channel("body: {kind: note, id: n1, text: 7, lines: []}", expect)
    assert [one[: len(told)] for one, told in zip(found, complaints, strict=True)] == complaints


def test_a_body_that_is_a_text_is_given_as_it_is(desk: Desk) -> None:
    expect = "outcome: dead_lettered, dead: {reason: undecodable, step: decode}"
    assert desk.channel('body: "{half"', expect) == []


def test_a_repeat_is_given_after_its_first_and_judged_alone(desk: Desk) -> None:
    other = NOTE.replace("Buy tea", "Buy milk")
    assert desk.complaints(
        "channels/inbox",
        (f"body: {NOTE}", "outcome: routed"),
        ("repeat: case 1", "outcome: duplicate, produced: []"),
        (f"repeat: case 1, body: {other}", "outcome: conflict, dead: {reason: conflict}"),
        ("repeat: case 1", "outcome: routed"),
        (f"body: {other}", "outcome: routed"),
    ) == [[], [], [], ["outcome: duplicate, expected routed"], []]


def test_a_repeat_has_the_mocks_of_both(desk: Desk) -> None:
    mocks = f"archive.find: [{{body: {NOTE}}}]"
    assert desk.complaints(
        "channels/inbox",
        (f"body: {ASKED}", "outcome: routed", mocks),
        (f"repeat: case 1, body: {ASKED.replace('n1', 'n2')}", "outcome: routed", mocks),
    ) == [[], []]


def test_only_an_earlier_test_can_be_repeated(desk: Desk) -> None:
    cases = [(f"repeat: case {number}", "outcome: duplicate") for number in (2, 7)]
    assert desk.complaints("channels/inbox", *cases) == [
        ["repeat: no earlier test is named case 2"],
        ["repeat: no earlier test is named case 7"],
    ]


def test_retries_follow_the_policy_without_waiting(desk: Desk) -> None:
    mocks = "archive.find: [{status: 503}, {fails: no_answer}, {body_file: fixtures/note.json}]"
    assert desk.channel(f"body: {ASKED}", "outcome: routed, retries: [5s, 1m]", mocks) == []
    (found,) = desk.channel(f"body: {ASKED}", "outcome: routed, retries: [5s]", mocks)
    assert found == "retries: [5.0, 60.0] s, expected [5.0] s"


def test_a_mock_that_nobody_asks_for_is_told(desk: Desk) -> None:
    mocks = f"archive.find: [{{body: {NOTE}}}, {{status: 404}}]"
    told = "answers of archive.find were not asked for"
    assert desk.channel(f"body: {NOTE}", "outcome: routed", mocks) == [f"mocks: 2 {told}"]
    assert desk.channel(f"body: {ASKED}", "outcome: routed", mocks) == [f"mocks: 1 {told}"]


def test_a_call_without_a_mock_shows_in_the_outcome(desk: Desk) -> None:
    outcome, mocks = desk.channel(f"body: {ASKED}", "outcome: routed")
    why = "retries_exhausted: enrich: archive.find no mock left for GET /notes/n1"
    assert outcome == f"outcome: dead_lettered ({why}), expected routed"
    assert mocks == "mocks: archive.find was asked 3 times more than it has answers"


LOST = "produced[0]: no file lost.json beside the test: router test --update writes it"
HALF = "fixtures/half.json: line 1 column 8 (byte 7), at /id: the text ends; expected a value"


@pytest.mark.parametrize(
    ("given", "expect", "mocks", "complaint"),
    [
        (NOTE, "outcome: routed", "a.b: [{status: 200}]", "mocks: no operation a.b"),
        (
            NOTE,
            task(", payload: {file: lost.json}"),
            "",
            "produced[0]: no file lost.json beside the test: router test --update writes it",
        ),
        (ASKED, task(""), "archive.find: [{body_file: lost}]", "no file lost beside the test"),
        (ASKED, task(""), "archive.find: [{body_file: fixtures/half.json}]", HALF),
    ],
)
def test_what_a_test_names_must_be_there(
    desk: Desk, given: str, expect: str, mocks: str, complaint: str
) -> None:
    assert desk.channel(f"body: {given}", expect, mocks) == [complaint]


def test_a_body_that_is_not_there_is_told(desk: Desk) -> None:
    (found,) = desk.channel("body_file: fixtures/lost.json", "outcome: routed")
    assert found == "no file fixtures/lost.json beside the test"


def test_a_flow_shows_its_commands(desk: Desk) -> None:
    put = "outcome: routed, sent: [{operation: archive.put, payload: "
    assert desk.flow("outcome: routed, produced: [], correlation: test") == []
    assert desk.flow(put + "{contains: {id: n1}}}]") == []
    assert desk.flow(put + f"{{equals: {TASK}}}}}]") == []
    assert desk.flow(put + '{contains: {count: "2"}}}]') == ['sent[0].count: 2, expected "2"']
    assert desk.flow("outcome: routed, sent: []") == ["sent: archive.put, expected nothing"]


def test_a_system_shows_the_exact_requests(desk: Desk) -> None:
    mocks = "[{status: 503}, {status: 201, body: {id: t1}}]"
    one = f"{{operation: archive.put, target: POST /tasks, payload: {{equals: {TASK}}}}}"
    other = one.replace("POST", "PUT").replace("Buy tea", "Buy milk")
    assert desk.system(mocks, f"outcome: done, retries: [5s], sent: [{one}, {one}]") == []
    assert desk.system(mocks, f"outcome: done, sent: [{one}, {other}]") == [
        "sent[1].target: POST /tasks, expected PUT /tasks",
        'sent[1].title: "Buy tea", expected "Buy milk"',
    ]
    (found,) = desk.system(mocks, f"outcome: done, sent: [{one}]")
    assert found == "sent: archive.put, archive.put, expected archive.put"


def test_a_refusal_has_its_dead_letter(desk: Desk) -> None:
    expect = "outcome: refused, dead: {reason: taken, step: call}"
    assert desk.system("[{status: 409}]", expect) == []
    assert desk.system("[{status: 409}]", "outcome: done, dead: {reason: gone}") == [
        "outcome: refused (status 409), expected done",
        "dead: taken in call: archive.put status 409, expected gone",
    ]


def test_a_test_stands_beside_what_it_tests(desk: Desk) -> None:
    (channel,) = desk.complaints("channels/outbox", (f"body: {NOTE}", "outcome: routed"))
    assert channel == ["no channel outbox: the test stands beside its file"]


def test_what_a_system_is_given_must_fit(desk: Desk) -> None:
    lacks = "given breaks task@1.0.0: / lacks title (required)"
    assert desk.complaints(
        "systems/archive",
        (f"operation: putt, object: task@1, body: {TASK}", "outcome: done"),
        (f"object: task@1, body: {TASK}", "outcome: done"),
        ("operation: put, object: task@1, body: {id: n1}", "outcome: done"),
    ) == [["given: no operation archive.putt"], ["given: no operation archive."], [lacks]]


def test_results_come_in_the_order_of_files_and_know_their_lines(desk: Desk) -> None:
    desk.complaints("flows/file_task", (f"object: task@1, body: {TASK}", "outcome: discarded"))
    notes = [(f"body: {NOTE}", f"outcome: {word}") for word in ("routed", "discarded")]
    desk.complaints("channels/inbox", *notes)
    assert [(one.file, one.line, one.name, len(one.complaints)) for one in desk.run()] == [
        ("routes/channels/inbox.test.yaml", 2, "case 1", 0),
        ("routes/channels/inbox.test.yaml", 3, "case 2", 1),
        ("routes/flows/file_task.test.yaml", 2, "case 1", 1),
    ]


def test_each_test_has_a_store_of_its_own_and_meets_no_subscriber(desk: Desk) -> None:
    note = (f"body: {NOTE}", "outcome: routed, sent: []")
    assert desk.complaints("channels/inbox", note, note) == [[], []]
