"""`router test --update`: golden files are written anew, exactly, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from router.runtime.golden import Want, rewrite, written

TESTS = "routes/channels/inbox.test.yaml"
GOLDEN = "routes/channels/fixtures/task.json"
NOTE = "{id: n1, kind: note, text: T, lines: [{name: zweite}, {name: erste}]}"
TASK = {"id": "n1", "title": "T", "steps": [{"name": "zweite"}, {"name": "erste"}]}


def case(name: str = "a note", body: str = NOTE, **expect: str) -> str:
    """Return a test that compares the task with a golden file."""
    payload = expect.pop("payload", "{file: fixtures/task.json}")
    more = "".join(f", {key}: {value}" for key, value in expect.items())
    produced = f"[{{object: task@1, payload: {payload}}}]"
    return (
        f"  - {{name: {name}, given: {{body: {body}}}, "
        f"expect: {{outcome: routed, produced: {produced}{more}}}}}\n"
    )


def lay(shop: Any, *cases: str, golden: Any = None) -> None:
    """Write tests, and the golden file unless it is None."""
    shop.write(TESTS, "tests:\n" + "".join(cases))
    if golden is not None:
        text = golden if isinstance(golden, str) else json.dumps(golden)
        shop.write(GOLDEN, text)


def files(shop: Any) -> dict[str, bytes]:
    """Return every file of a project."""
    return {
        path.relative_to(shop.root).as_posix(): path.read_bytes()
        for path in shop.root.rglob("*")
        if path.is_file()
    }


def test_a_golden_file_that_is_missing_is_asked_for_and_written(shop: Any) -> None:
    lay(shop, case())
    done = shop.router("test")
    assert done.exit_code == 1
    assert (
        "no file fixtures/task.json beside the test: router test --update writes it" in done.stdout
    )
    done = shop.router("test", "--update")
    assert done.stdout == f"wrote {GOLDEN}\n1 passed, 0 failed\n"
    assert done.exit_code == 0
    assert json.loads(shop.read(GOLDEN)) == TASK
    assert shop.router("test").exit_code == 0


def test_a_golden_file_that_differs_is_updated_and_it_is_said_how(shop: Any) -> None:
    lay(shop, case(), golden={**TASK, "title": "another"})
    before = files(shop)
    done = shop.router("test", "--update")
    assert done.stdout.splitlines() == [
        f"updated {GOLDEN}, which differed:",
        '    produced[0].title: "T", expected "another"',
        "1 passed, 0 failed",
    ]
    after = files(shop)
    assert {name for name in after if after[name] != before.get(name)} == {GOLDEN}


def test_a_golden_file_that_says_the_same_is_left_alone(shop: Any) -> None:
    text = '{ "title":"T", "steps": [{"name":"zweite"},{"name":"erste"}],"id":"n1"}'
    lay(shop, case(), golden=text)
    assert shop.router("test", "--update").stdout == "1 passed, 0 failed\n"
    assert shop.read(GOLDEN) == text


def test_without_the_option_nothing_is_written(shop: Any) -> None:
    lay(shop, case(), golden={"id": "old"})
    before = files(shop)
    assert shop.router("test").exit_code == 1
    assert files(shop) == before


def test_values_in_the_test_itself_are_never_changed(shop: Any) -> None:
    lay(shop, case(payload="{contains: {title: another}}"))
    before = files(shop)
    done = shop.router("test", "--update")
    assert done.exit_code == 1
    assert files(shop) == before


@pytest.mark.parametrize(
    "broken",
    [
        case(reason="'another'"),
        case(payload="{file: fixtures/task.json, contains: {title: another}}"),
        case().replace("outcome: routed", "outcome: conflict"),
    ],
)
def test_a_test_that_fails_otherwise_writes_nothing(shop: Any, broken: str) -> None:
    lay(shop, broken, golden={"id": "old"})
    before = files(shop)
    done = shop.router("test", "--update")
    assert done.exit_code == 1
    assert "its golden files were not written: mend the rest first" in done.stdout
    assert files(shop) == before


def test_two_tests_that_want_different_things_of_one_file(shop: Any) -> None:
    other = case("another note", NOTE.replace("n1", "n2"))
    lay(shop, case(), other, golden={"id": "old"})
    before = files(shop)
    done = shop.router("test", "--update")
    assert done.exit_code == 1
    assert f"{GOLDEN}: not written: tests expect different values in it" in done.stdout
    assert files(shop) == before


def test_two_tests_may_share_a_file(shop: Any) -> None:
    lay(shop, case(), case("once more"), golden={"id": "old"})
    done = shop.router("test", "--update")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "2 passed, 0 failed"


def test_a_file_that_a_test_is_given_is_not_written(shop: Any) -> None:
    note = {"id": "n1", "kind": "note", "text": "T", "lines": []}
    given = "{body_file: fixtures/task.json}"
    lay(shop, case().replace(f"{{body: {NOTE}}}", given), golden=note)
    before = files(shop)
    done = shop.router("test", "--update")
    assert done.exit_code == 1
    assert f"{GOLDEN}: not written: a test is given it" in done.stdout
    assert files(shop) == before


def test_a_golden_file_that_is_no_json_is_told_and_written(shop: Any) -> None:
    lay(shop, case(), golden='{"id": "n1", ')
    assert "fixtures/task.json: " in shop.router("test").stdout
    assert shop.router("test", "--update").exit_code == 0
    assert json.loads(shop.read(GOLDEN)) == TASK


@pytest.mark.parametrize("said", ["true", "1", "woodpecker"])
def test_in_ci_nothing_is_written_unless_forced(shop: Any, said: str) -> None:
    lay(shop, case(), golden={"id": "old"})
    before = files(shop)
    done = shop.router("test", "--update", env={"CI": said})
    assert done.exit_code == 2
    assert "--force" in done.stderr
    assert files(shop) == before
    assert shop.router("test", "--update", "--force", env={"CI": said}).exit_code == 0
    assert json.loads(shop.read(GOLDEN)) == TASK


def test_the_envelope_says_what_was_written(shop: Any) -> None:
    lay(shop, case())
    data = shop.data("test", "--update")
    (one,) = data["updated"]
    assert (one["file"], one["new"]) == (GOLDEN, True)
    assert data["ok"] is True


def test_requests_and_results_have_golden_files_too(shop: Any) -> None:
    given = "operation: put, object: task@1, body: {id: t1, title: x}"
    note = "{id: n1, kind: note, text: t, lines: []}"
    shop.write(
        "routes/systems/archive.test.yaml",
        "tests:\n"
        f"  - {{name: put, given: {{{given}}}, mocks: {{archive.put: [{{status: 201, body: "
        "{id: x}}]}, expect: {outcome: done, sent: [{operation: archive.put, payload: "
        "{file: golden/put.json}}]}}\n"
        "  - {name: find, given: {operation: find, body: {id: n1}}, mocks: {archive.find: "
        f"[{{body: {note}}}]}}, expect: {{outcome: done, result: {{file: golden/find.json}}}}}}\n",
    )
    assert shop.router("test", "--update").exit_code == 0
    assert json.loads(shop.read("routes/systems/golden/put.json")) == {"id": "t1", "title": "x"}
    assert json.loads(shop.read("routes/systems/golden/find.json"))["id"] == "n1"
    assert shop.router("test").stdout == "2 passed, 0 failed\n"


def test_what_is_written_is_exact_and_always_the_same() -> None:
    document = {
        "z": "0.10",
        "a": {"amount": "1234567890123.45", "currency": "EUR"},
        "n": [1, 0.1, 12.5, 9007199254740993, True, None],
        "t": 'Größe \u2028 \x07 "',
    }
    text = written(document)
    assert json.loads(text) == document
    assert text == written(dict(reversed(document.items())))
    assert '"0.10"' in text
    assert "9007199254740993" in text
    assert "Größe" in text
    assert text.endswith("}\n")


def test_a_link_out_of_the_project_is_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "project", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "fixtures").symlink_to(outside)
    want = Want(path=root / "fixtures" / "x.json", document={}, differences=("differs",))
    done, refused = rewrite(root, [want])
    assert done == []
    assert refused == ["fixtures/x.json: not written: it lies out of the project"]
    assert list(outside.iterdir()) == []


def test_no_half_file_stays_behind(tmp_path: Path) -> None:
    want = Want(path=tmp_path / "deep" / "x.json", document={"a": 1}, differences=("differs",))
    rewrite(tmp_path, [want])
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["x.json"]
