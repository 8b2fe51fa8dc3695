"""Owns: asking a daemon: through its inbox when it runs, else by taking its place for a moment.
Imports: click, infra.store, runtime.operator.
Never: writes beside a running daemon anything but the question.
"""

from __future__ import annotations

import getpass
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from router.cli.common import choose, fail, load_sound, store_of
from router.core.errors import MessageError, Unavailable
from router.infra.store.database import Database
from router.infra.store.store import Store
from router.runtime.clock import SystemClock
from router.runtime.operator import carry_out

#: seconds to wait for a running daemon; it looks five times a second
PATIENCE = 30
PAUSE = 0.05


def ask(root: Path, environment: str, verb: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Have one command carried out and return its result; fail with what was wrong."""
    project = load_sound(root)
    database = store_of(project, choose(project, environment))
    now = SystemClock().now()
    try:
        if not database.exists():
            fail(f"there is no store at {database}: start router run first")
        store = Store.on(database, project.revision, alone=True)
    except Unavailable:
        return _through_the_inbox(database, verb, arguments)
    try:

        def job(transaction: Any) -> dict[str, Any]:
            actor = getpass.getuser()
            number = transaction.inbox.ask(now, actor, verb, arguments)
            result = carry_out(transaction, verb, {**arguments, "actor": actor}, now)
            transaction.inbox.answer(number, "done", result)
            return result

        return store.write(job)
    except MessageError as error:
        return fail(str(error))
    finally:
        store.close()


def _through_the_inbox(
    database: Database, verb: str, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        store = Store.beside(database)
        number = store.write(
            lambda transaction: transaction.inbox.ask(
                SystemClock().now(), getpass.getuser(), verb, arguments
            )
        )
        wait = threading.Event()
        for _ in range(int(PATIENCE / PAUSE)):
            with store.read() as reader:
                command = reader.inbox.get(number)
            if command.state == "done":
                return dict(command.result)
            if command.state == "failed":
                fail(str(command.result["error"]))
            wait.wait(PAUSE)
    except Unavailable as error:
        fail(str(error))
    return fail("the daemon did not answer in time; the question stays in its inbox")
