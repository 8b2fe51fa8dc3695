"""`router workflow replay`, `diff` and `migrate`: what operators see when a definition changes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from router.cli.main import main
from router.config.project import load_project
from router.core.errors import MessageError
from router.core.instance import CAME, EVENT, TURN_LANE, consumer_of
from router.core.message import Message, digest_of
from router.infra.store.rows import Queued
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.runtime.clock import ManualClock
from router.runtime.definitions import Definitions
from router.runtime.installed import installed_adapters
from router.runtime.migrating import order_migrations
from router.runtime.turner import Turner
from router.runtime.wiring import revisions_of

BASE = Path(__file__).parents[2] / "rules" / "base"
FILE = "routes/workflows/note.yaml"
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Desk:
    """A project on disk with a store whose turner is stepped by hand."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = root / "var" / "test.db"
        shutil.copytree(BASE, root)
        (root / "var").mkdir()

    def edit(self, before: str, after: str) -> None:
        path = self.root / FILE
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))

    def turn(self, *notes: str) -> None:
        """Let notes come, and a daemon of the project on disk turn what waits."""
        project, findings = load_project(self.root, installed_adapters())
        assert findings == []
        store = Store.on(SqliteFile(self.store), project.revision)
        try:
            revisions = revisions_of(self.root, store)
            revisions.keep(project, AT)
            store.write(lambda transaction: transaction.enqueue([_written(one) for one in notes]))
            turner = Turner(store, ManualClock(AT), Definitions(project, revisions))
            while turner.step():
                pass
        finally:
            store.close()

    def __call__(self, *words: str) -> Result:
        done = CliRunner().invoke(main, ["workflow", *words, "-p", str(self.root), "-e", "test"])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
        return done

    def tamper(self, change: str) -> None:
        with sqlite3.connect(self.store) as beside:
            beside.execute(change)
        beside.close()


def _written(key: str) -> Queued:
    body: Any = {"id": key, "text": "hello", "lines": [{"name": "a"}]}
    number = f"{key[-1]:0>12}{digest_of(key)[12:]}"
    message = Message(id=number, correlationid=number, occurred_at=AT, payload=body)
    extra = {CAME: "event", EVENT: "note.written"}
    return Queued(lane=TURN_LANE, consumer=consumer_of("note"), message=message, extra=extra)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path / "project")
    made.turn("n1", "n2", "n3")
    return made


def rename(desk: Desk) -> None:
    desk.edit("  check:\n", "  look:\n")
    desk.edit("needs: [file, check?]", "needs: [file, look?]")
    desk.edit("version: 1", "version: 2")


def data(result: Result) -> Any:
    return json.loads(result.output)


def test_journals_are_as_they_were(desk: Desk) -> None:
    done = desk("replay")
    assert (done.exit_code, done.output) == (0, "3 instances, 3 turns: all as they were\n")
    assert desk("replay", "note", "n2").output == "1 instance, 1 turn: all as they were\n"
    assert desk("replay", "note", "--limit", "2").output.startswith("2 instances")
    assert desk("replay", "note", "n9").output == "router: note has no instance n9\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE turns SET label = 'closed' WHERE seq = 1", "label"),
        ("UPDATE turns SET effects = replace(effects, 'hello', 'hullo')", "effect"),
        ("UPDATE turns SET at = '2026-03-02T10:00:00.000000Z'", "effect"),
        ("UPDATE turns SET decisions = '{}'", "decisions"),
        ("UPDATE turns SET outcome = 'noted'", "outcome"),
        ("UPDATE turns SET hash = 'abc'", "state"),
        ("UPDATE turns SET seq = 2", "number"),
        ("UPDATE turns SET mark = 'abc'", "definition"),
        ("UPDATE instances SET hash = 'abc'", "hash"),
        ("UPDATE instances SET turns = 2", "turns"),
        ("DELETE FROM turns", "turns"),
    ],
)
def test_what_was_changed_is_told(desk: Desk, change: str, told: str) -> None:
    desk.tamper(change)
    done = desk("replay", "--format", "json")
    assert done.exit_code == 1
    first = data(done)["first"]
    assert first["what"].startswith(told), first
    assert first["key"] == "n1"
    shown = desk("replay")
    assert shown.exit_code == 1
    lines = shown.output.splitlines()
    assert lines[0].startswith("note n1, ")
    assert lines[1].startswith("  in the journal: ")
    assert lines[2].startswith("  made anew:      ")


def test_a_migration_is_tried_then_ordered_then_turned(desk: Desk) -> None:
    assert desk("diff", "note").exit_code == 0
    rename(desk)
    told = desk("diff", "note")
    assert told.exit_code == 1
    assert "breaking  steps.check: removed; look is like it: --map check=look" in told.output
    assert "since note version 1 (" in told.output
    assert desk("diff", "note", "--against", str(BASE)).exit_code == 1
    assert desk("diff", "note", "--against", "nowhere").exit_code == 2
    assert desk("diff", "note", "--against", "000000000000").output.endswith("is not kept\n")

    reason = ("--reason", "a test")
    assert "say which instances" in desk("migrate", "note", *reason).output
    tried = desk("migrate", "note", "--all", *reason, "--dry-run", "--format", "json")
    assert tried.exit_code == 1
    (refused,) = data(tried)["refused"]
    assert (refused["keys"], data(tried)["ready"]) == (["n1", "n2", "n3"], 0)
    assert "as in --map check=NEW" in refused["why"]

    good = ("--map", "check=look", *reason)
    tried = desk("migrate", "note", "--label", "written", *good, "--dry-run")
    assert (tried.exit_code, tried.output.splitlines()[1]) == (0, "       3 can go on by it")
    assert desk("migrate", "note", "--label", "filed", *good, "--dry-run").output.startswith("0 ")
    assert "--map takes OLD=NEW" in desk("migrate", "note", "--all", "--map", "x", *reason).output

    first = desk("migrate", "note", "--all", *good, "--first", "1")
    assert first.output.splitlines()[-1] == "       1 on its way until a daemon runs"
    desk.turn()
    rest = desk("migrate", "note", "--all", *good)
    assert rest.output.splitlines()[1:3] == ["       2 can go on by it", "       1 do already"]
    desk.turn()
    assert desk("replay").output == "3 instances, 6 turns: all as they were\n"

    back = desk("migrate", "note", "n2", "--to", "1", *reason)
    assert back.exit_code == 0, back.output
    desk.turn()
    assert desk("replay", "note").output == "3 instances, 7 turns: all as they were\n"
    unknown = desk("migrate", "note", "n2", "--to", "7", *reason)
    assert unknown.exit_code == 2
    assert "no definition 7 of note is kept here; there are: current, " in unknown.output


def test_a_daemon_of_another_configuration_is_not_asked_for_what_it_has_not(desk: Desk) -> None:
    rename(desk)
    project, _ = load_project(BASE, installed_adapters())
    store = Store.on(SqliteFile(desk.store), project.revision)
    arguments = {"target": "abc", "revision": "def", "instances": [], "map": {}}
    try:
        with pytest.raises(MessageError, match="let the daemon take what is on disk first"):
            store.write(lambda transaction: order_migrations(transaction, arguments, AT))
    finally:
        store.close()
