"""What is written twice agrees, and what is slow to load is loaded late."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, text

from router.infra.store import database
from router.infra.store.schema import metadata
from router.infra.store.sqlite import SqliteFile, open_memory
from router.runtime.installed import GROUP, installed_adapters

#: packages that no command needs before it works
LATE = ("sqlalchemy", "alembic", "httpx", "starlette", "uvicorn", "jsonschema", "jmespath", "yaml")
#: modules without which a project is checked: who draws, drafts, decodes, stores or calls has them
NOT_TO_CHECK = (
    *("sqlalchemy", "alembic", "httpx", "httpcore", "starlette", "uvicorn", "kombu", "redis"),
    *("jsonschema", "jinja2", "http.client", "http.cookiejar", "urllib.request", "ssl", "asyncio"),
    *(
        "xml",
        "sqlite3",
        "router.api",
        "router.engine",
        "router.infra.store",
        "router.runtime.bodies",
    ),
    *("router.config.atlas", "router.config.drafts", "router.config.editor", "router.cli.reports"),
    *(f"router.infra.codecs.{one}" for one in ("lines", "tables", "texts", "x12", "xml")),
)
#: and without which help is given, beside them
NOT_TO_HELP = ("router.config", "router.core", "router.runtime", "router.infra", "adapters", "json")


@pytest.fixture
def migrated(tmp_path: Path) -> Any:
    """A database file that the migrations built."""
    hold = SqliteFile(tmp_path / "store.db").hold()
    yield hold.writer
    hold.writer.dispose()
    hold.release()


def test_what_takes_longest_is_there(request: pytest.FixtureRequest) -> None:
    collected = next(
        one for one in request.config.pluginmanager.get_plugins() if hasattr(one, "LONGEST")
    )
    assert [
        name for name in collected.LONGEST if not (request.config.rootpath / name).is_file()
    ] == []


def test_the_migrations_build_the_tables(migrated: Engine) -> None:
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_revision_is_the_one_that_is_asked_for(migrated: Engine) -> None:
    with migrated.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == database.NEWEST


def test_the_migrations_build_the_same_sqlite_tables(migrated: Engine) -> None:
    # what the comparison above does not see: WITHOUT ROWID, AUTOINCREMENT, the columns of indexes
    memory = open_memory()
    assert _statements(migrated) == _statements(memory)
    memory.dispose()


def test_the_migrations_can_be_undone_and_done_again(migrated: Engine) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    before = _statements(migrated)
    with migrated.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert _statements(migrated) == {}
    with migrated.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    assert _statements(migrated) == before


def test_a_database_that_is_new_enough_is_left_alone(tmp_path: Path) -> None:
    file = SqliteFile(tmp_path / "store.db")
    shown = []
    for _ in range(2):
        hold = file.hold()
        shown.append(_statements(hold.writer))
        hold.writer.dispose()
        hold.release()
    assert shown[0] == shown[1]


def test_every_adapter_of_the_project_file_is_one(root: Path) -> None:
    document = tomllib.loads((root / "pyproject.toml").read_text())
    declared = document["project"]["entry-points"][GROUP]
    assert declared
    for name, target in declared.items():
        module, _, attribute = target.partition(":")
        adapter = getattr(import_module(module), attribute)
        for part in ("prepare", "call", "check", "close"):
            assert callable(getattr(adapter, part)), f"{name} has no {part}"
        for part in ("Request", "Settings"):
            assert hasattr(getattr(adapter, part), "__component__"), f"{name}.{part}"
        assert {"contract", "answer"} <= set(adapter.Request.__dataclass_fields__)
        assert isinstance(getattr(adapter, "timeout", timedelta()), timedelta)
    assert set(installed_adapters()) == set(declared)


@pytest.mark.parametrize("code", ["import router.cli.main", "import router"])
def test_the_start_of_a_command_loads_little(code: str, root: Path) -> None:
    assert _loaded(code, root) & set(LATE) == set()


def test_help_loads_little(root: Path) -> None:
    code = "import sys; from router.cli.main import main; sys.argv = ['router', '--help']; main()"
    loaded = _loaded(code, root)
    assert "click" in loaded
    assert _within(loaded, (*LATE, *NOT_TO_CHECK, *NOT_TO_HELP)) == []


def test_a_check_loads_what_it_needs(root: Path) -> None:
    words = ["router", "check", "--project", "tests/rules/base"]
    code = f"import sys; from router.cli.main import main; sys.argv = {words}; main()"
    loaded = _loaded(code, root)
    assert "router.config.project" in loaded
    assert _within(loaded, NOT_TO_CHECK) == []


def _within(loaded: set[str], packages: tuple[str, ...]) -> list[str]:
    """Return what is loaded of packages, the modules within them too."""
    return sorted(
        one for one in loaded if any(one == name or one.startswith(f"{name}.") for name in packages)
    )


def _loaded(code: str, root: Path) -> set[str]:
    """Return the modules that a fresh interpreter loads for some code."""
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = re.findall(r"^import time:[^|]*\|[^|]*\|\s*(\S+)$", ran.stderr, re.MULTILINE)
    assert "router" in found
    return set(found)


def _statements(engine: Engine) -> dict[str, str]:
    """Return what built each table and index, spaces and order of constraints apart."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        ).all()
    ours = {name: sql for name, sql in rows if not name.startswith(("sqlite_", "alembic_"))}
    return {name: re.sub(r"[\s\"]+", "", sql).lower() for name, sql in ours.items()}
