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
from router.infra.store.tables import metadata
from router.runtime.installed import GROUP, installed_adapters

#: packages that no command needs before it works
LATE = (
    "sqlalchemy",
    "alembic",
    "httpx",
    "starlette",
    "uvicorn",
    "jsonschema",
    "jmespath",
    "jinja2",
    "yaml",
)


@pytest.fixture
def migrated(tmp_path: Path) -> Any:
    """A database file that the migrations built."""
    path = tmp_path / "store.db"
    database.migrate(path)
    engine = database.open_file(path, writes=True)
    yield engine
    engine.dispose()


def test_the_migrations_build_the_tables(migrated: Engine) -> None:
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_revision_is_the_one_that_is_asked_for(migrated: Engine) -> None:
    with migrated.connect() as connection:
        assert MigrationContext.configure(connection).get_current_revision() == database.NEWEST


def test_the_migrations_build_the_same_sqlite_tables(migrated: Engine) -> None:
    # what the comparison above does not see: WITHOUT ROWID, AUTOINCREMENT, the columns of indexes
    memory = database.open_memory()
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
    path = tmp_path / "store.db"
    database.migrate(path)
    engine = database.open_file(path, writes=True)
    before = _statements(engine)
    engine.dispose()
    database.migrate(path)
    engine = database.open_file(path, writes=False)
    assert _statements(engine) == before
    engine.dispose()


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
    assert loaded & set(LATE) == set()


def _loaded(code: str, root: Path) -> set[str]:
    """Return the packages that a fresh interpreter loads for some code."""
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
    return {one.split(".")[0] for one in found}


def _statements(engine: Engine) -> dict[str, str]:
    """Return what built each table and index, spaces and order of constraints apart."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        ).all()
    ours = {name: sql for name, sql in rows if not name.startswith(("sqlite_", "alembic_"))}
    return {name: re.sub(r"[\s\"]+", "", sql).lower() for name, sql in ours.items()}
