"""Each foreign package has one owner; the clock, the disk and chance have theirs."""

from __future__ import annotations

import ast
import sys
from typing import Any

import pytest

#: package -> the files that may import it: prefixes of paths, none = nobody
OWNERS = {
    "kombu": ("router/infra/amqp/",),
    "amqp": ("router/infra/amqp/",),
    "redis": ("router/infra/redis/",),
    "sqlalchemy": ("router/infra/store/",),
    "alembic": ("router/infra/store/",),
    "psycopg": ("router/runtime/cluster.py", "router/runtime/serverbench.py"),
    "jmespath": ("router/config/transforms/",),
    "jinja2": ("router/config/transforms/templates/jinja.py",),
    "yaml": ("router/config/source.py",),
    "jsonschema_rs": ("router/config/validation.py", "router/config/demands.py"),
    "jsonschema": ("router/runtime/examples.py",),
    "referencing": ("router/runtime/examples.py",),
    "orjson": ("router/infra/codecs/",),
    "httpx": ("adapters/http.py", "adapters/deadline.py", "router/cli/send.py"),
    "httpcore": ("adapters/deadline.py",),
    "starlette": ("router/api/", "router/cli/run.py", "router/cli/sandbox.py"),
    "uvicorn": ("router/api/", "router/cli/run.py", "router/cli/sandbox.py"),
    "prometheus_client": ("router/infra/metrics.py",),
    "random": (),
}
CLOCK = "router/runtime/clock.py"
CLOCK_READS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
#: methods of a Path, and functions, that touch the disk
DISK = {
    *("open", "read_text", "read_bytes", "write_text", "write_bytes"),
    *("iterdir", "glob", "rglob", "unlink", "mkdir"),
}
NO_DISK_MODULES = {
    *("io", "os", "pathlib", "shutil", "socket", "subprocess", "tempfile", "threading")
}


@pytest.mark.parametrize("package", sorted(OWNERS))
def test_a_package_has_one_owner(sources: Any, package: str) -> None:
    strangers = [
        f"{source.path}:{line}"
        for source in sources
        for module, _, line in source.imports
        if module.split(".")[0] == package and not source.path.startswith(OWNERS[package] or ("-",))
    ]
    assert strangers == []


def test_every_foreign_package_is_listed_here(sources: Any) -> None:
    known = {*OWNERS, *sys.stdlib_module_names, "router", "adapters", "click"}
    assert {module.split(".")[0] for source in sources for module, _, _ in source.imports} <= known


def test_the_clock_is_read_in_one_place(sources: Any) -> None:
    read = []
    for source in sources:
        if source.path == CLOCK:
            continue
        for name, line in source.dotted:
            if name in ("time.time", "time.sleep") or name.endswith(CLOCK_READS):
                read.append(f"{source.path}:{line} {name}")
        for module, names, line in source.imports:
            if module == "time" and {"time", "sleep"} & set(names):
                read.append(f"{source.path}:{line} from time import {names}")
    assert read == []


def test_core_and_engine_touch_no_disk(sources: Any) -> None:
    touched = []
    for source in sources:
        if source.floor not in ("core", "engine"):
            continue
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if name in DISK:
                    touched.append(f"{source.path}:{node.lineno} {name}")
        for module, _, line in source.imports:
            if module.split(".")[0] in NO_DISK_MODULES:
                touched.append(f"{source.path}:{line} {module}")
    assert touched == []


def test_only_the_runtime_catches_everything(sources: Any) -> None:
    caught: dict[str, int] = {}
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ExceptHandler) and _is_everything(node):
                caught[source.path] = caught.get(source.path, 0) + 1
    beyond = {path: n for path, n in caught.items() if not path.startswith("router/runtime/")}
    # a job's bug must not stop the writer: once for a group, once for a job; and who commits the
    # jobs of others and is interrupted says so to them
    assert beyond == {"router/infra/store/store.py": 3}


def test_nothing_prints_but_the_command_line(sources: Any) -> None:
    assert [
        f"{source.path}:{node.lineno}"
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ] == []


def _is_everything(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        one is None or getattr(one, "id", "") in ("Exception", "BaseException") for one in names
    )
