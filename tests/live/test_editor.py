"""What the language server of editors makes of the schemas: no false alarm, exact mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router.config.editor.files import KINDS, file_schema, kind_of
from router.config.project import Project, library_of, load_project
from router.runtime.installed import installed_adapters
from tests.live.conftest import node
from tests.rules.test_rules import lay

ROOT = Path(__file__).parents[2]
#: validates each text, completes where it is asked to, by the schema of its kind
ASK = """\
import {readFileSync} from "node:fs"; import {createRequire} from "node:module";
const require = createRequire(import.meta.url);
const {getLanguageService} = require("yaml-language-server");
const {TextDocument} = require("vscode-languageserver-textdocument");
const given = JSON.parse(readFileSync(0, "utf8"));
const telemetry = {send() {}, sendError() {}, sendTrack() {}};
const service = getLanguageService({schemaRequestService: async () => "", telemetry,
  workspaceContext: {resolveRelativePath: (path) => path}});
service.configure({validate: true, completion: true, hover: true, customTags: [],
  schemas: Object.entries(given.schemas).map(([kind, schema]) =>
    ({fileMatch: [`*.${kind}.yaml`], schema, uri: `file:///schema/${kind}.json`}))});
let count = 0;
const made = (one) =>
  TextDocument.create(`file:///x/${++count}.${one.kind}.yaml`, "yaml", 1, one.text);
const said = [];
for (const one of given.files) {
  const found = await service.doValidation(made(one), false);
  said.push(found.map((mistake) => [mistake.range.start.line + 1, mistake.message]));
}
const offered = [];
for (const one of given.completions) {
  const document = made(one);
  const at = document.positionAt(one.text.length);
  const items = (await service.doComplete(document, at, false)).items;
  offered.push(items.map((item) => item.label));
}
console.log(JSON.stringify({said, offered}));
"""


@pytest.fixture(scope="module")
def landscape() -> Project:
    return load_project(ROOT, installed_adapters())[0]


def asked(project: Project, files: list[Any], completions: list[Any]) -> tuple[Any, Any]:
    """Return the mistakes of each file as (line, message), and what is offered at each end."""
    library = library_of(project, installed_adapters())
    schemas = {word: file_schema(kind, library) for word, kind in KINDS.items()}
    said = node(
        "yaml-language-server",
        ASK,
        {
            "schemas": schemas,
            "files": [{"kind": kind, "text": text} for kind, text in files],
            "completions": [{"kind": kind, "text": text} for kind, text in completions],
        },
    )
    return said["said"], said["offered"]


def test_no_shipped_file_is_underlined(landscape: Project) -> None:
    files = [
        (kind.word, text)
        for path, text in landscape.texts.items()
        if (kind := kind_of(path)) is not None
    ]
    said, _ = asked(landscape, files, [])
    assert [one for one in said if one] == []
    assert len(said) > 100


@pytest.mark.parametrize(
    ("fixture", "path", "line", "words"),
    [
        ("E010", "routes/channels/inbox.yaml", 13, "Property sorted_by is not allowed."),
        ("E011", "routes/flows/file_task.yaml", 1, 'Missing property "owner".'),
        ("E012-one-step", "routes/flows/file_task.yaml", 5, 'Incorrect type. Expected "array".'),
        ("E014", "routes/channels/inbox.yaml", 15, "Property publish is not allowed."),
        ("E060", "routes/systems/archive.yaml", 11, 'Missing property "is".'),
        ("E094", "routes/systems/archive.yaml", 10, "Property idempotency is not allowed."),
    ],
)
def test_a_mistake_is_underlined_at_its_line(
    fixture: str, path: str, line: int, words: str, landscape: Project, tmp_path: Path
) -> None:
    kind = kind_of(path)
    assert kind is not None
    text = (lay(fixture, tmp_path) / path).read_text()
    ((*mistakes,),), _ = asked(landscape, [(kind.word, text)], [])
    assert [line, words] in mistakes, mistakes


def test_keys_words_and_names_are_offered(landscape: Project) -> None:
    route = "routes:\n  a:\n    steps:\n      - "
    request = "adapter: http\noperations:\n  put:\n    request:\n      "
    completions = [
        ("channel", route),
        ("channel", f"{route}produce:\n          object: "),
        ("channel", "routes:\n  a:\n    "),
        ("channel", "on_failure: "),
        ("channel", "from:\n  http:\n    format: "),
        ("system", request),
        ("system", request.replace("http", "file", 1)),
    ]
    wanted = [
        {"filter", "choose", "fork", "transform", "produce", "send", "discard"},
        {"return_order@1", "refund_event@1"},
        {"accept", "identity", "steps", "discard", "dead_letter"},
        {"patient"},
        {"json", "xml", "x12"},
        {"get", "post", "query"},
        {"write", "exists"},
    ]
    _, offered = asked(landscape, [], completions)
    for (_, text), want, labels in zip(completions, wanted, offered, strict=True):
        assert want <= set(labels), (text, labels)
