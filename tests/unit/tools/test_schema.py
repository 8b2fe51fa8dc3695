"""`router schema`: what it prints, what it writes, and that a broken project is no hindrance."""

from __future__ import annotations

import json
from pathlib import Path

from router.config.editor.files import KINDS
from tests.unit.tools.conftest import Command


def test_it_lists_the_kinds_and_where_they_lie(command: Command, base: Path) -> None:
    done = command("schema", "-p", base)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == "channel      routes/channels/*.yaml"
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(KINDS)


def test_a_kind_that_is_none(command: Command, base: Path) -> None:
    done = command("schema", "chanel", "-p", base)
    assert (done.exit_code, done.stderr) == (2, "router: no kind chanel: did you mean channel?\n")


def test_names_of_the_project_are_offered_and_bind_nobody(command: Command, base: Path) -> None:
    schema = json.loads(command("schema", "flow", "-p", base).stdout)
    any_text, names = schema["properties"]["on_failure"]["anyOf"]
    assert any_text == {"type": "string"}
    assert names == {"enum": ["patient"]}
    contracts = schema["$defs"]["subscription"]["properties"]["object"]["anyOf"][1]
    assert contracts == {"enum": ["desk/memo@1", "inbox/note@1", "task@1"]}


def test_an_operation_is_what_its_adapter_wants(command: Command, base: Path) -> None:
    schema = json.loads(command("schema", "system", "-p", base).stdout)
    spoken = {one["if"]["properties"]["adapter"]["const"]: one["then"] for one in schema["allOf"]}
    assert set(spoken) == {"amqp", "file", "http"}
    for name, verb in (("http", "post"), ("file", "write")):
        either = spoken[name]["properties"]["operations"]["additionalProperties"]
        operation = schema["$defs"][either["else"]["$ref"].rpartition("/")[2]]
        request = schema["$defs"][operation["properties"]["request"]["$ref"].rpartition("/")[2]]
        assert verb in request["properties"]


def test_settings_are_named_by_the_systems_of_the_project(command: Command, base: Path) -> None:
    schema = json.loads(command("schema", "environment", "-p", base).stdout)
    systems = schema["properties"]["systems"]["properties"]
    assert list(systems) == ["archive"]
    assert "url" in schema["$defs"][systems["archive"]["$ref"].rpartition("/")[2]]["properties"]


def test_defaults_and_roots_are_told_as_the_author_writes_them(
    command: Command, base: Path
) -> None:
    schema = json.loads(command("schema", "channel", "-p", base).stdout)
    source = schema["$defs"]["http-source"]["properties"]
    assert source["body_limit"]["default"] == "1MiB"
    assert source["format"]["enum"][0] == "json"
    assert "Expressions see body, env, headers." in schema["properties"]["kind"]["description"]


def test_it_writes_every_kind_and_says_what_to_tell_the_editor(
    command: Command, base: Path
) -> None:
    done = command("schema", "--write", ".schema", "-p", base)
    assert done.exit_code == 0
    written = sorted(path.stem for path in Path(".schema").iterdir())
    assert written == sorted(KINDS)
    start = done.stdout.index("{")
    mapping = json.JSONDecoder().raw_decode(done.stdout, start)[0]["yaml.schemas"]
    assert mapping["./.schema/channel.json"] == [
        "routes/channels/*.yaml",
        "!routes/channels/*.test.yaml",
    ]
    assert mapping["./.schema/tests.json"] == [
        "routes/**/*.test.yaml",
        "!routes/workflows/*.test.yaml",
    ]
    assert "$schema=../../.schema/channel.json" in done.stdout


def test_a_folder_that_cannot_be_written(command: Command, base: Path) -> None:
    Path("taken").write_text("a file")
    done = command("schema", "--write", "taken/in", "-p", base)
    assert done.exit_code == 2
    assert "taken" in done.stderr


def test_a_project_with_mistakes_gives_schemas_too(command: Command, base: Path) -> None:
    (base / "routes/flows/file_task.yaml").write_text("flow: [")
    (base / "routes/systems/archive.yaml").write_text("system: archive\nowner: ")
    done = command("schema", "flow", "-p", base)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["properties"]["on_failure"]["anyOf"][1] == {"enum": ["patient"]}


def test_no_project_at_all(command: Command) -> None:
    done = command("schema", "policy")
    assert done.exit_code == 0
    schema = json.loads(done.stdout)
    assert schema["required"] == ["policy"]
    assert schema["$defs"]["failure-policy"]["required"] == ["policy", "name", "retry", "at_last"]
