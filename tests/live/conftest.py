"""Real counterparts. What is absent is a skip at home and a failure where CI is set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.crash.conftest import landscape  # noqa: F401 (a fixture, for the tests here, too)

#: where scripts/services puts packages of Node
NODE = Path(os.environ.get("ROUTER_NODE", Path(__file__).parents[2] / "var" / "node"))


def absent(what: str) -> NoReturn:
    """End a test whose counterpart is not there."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is absent: scripts/services installs it")
    pytest.skip(f"{what} is absent: scripts/services installs it")


def node(package: str, script: str, given: Any) -> Any:
    """Run a script of Node with a package; it gets a document and prints one."""
    if shutil.which("node") is None or not (NODE / "node_modules" / package).is_dir():
        absent(package)
    path = NODE / f"ask-{package}-{os.getpid()}.mjs"  # others may ask at the same time
    path.write_text(script)
    try:
        done = subprocess.run(
            ["node", str(path)],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    finally:
        path.unlink()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
