"""Real counterparts. What is absent is a skip at home and a failure where CI is set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from tests.crash.conftest import landscape  # noqa: F401 (a fixture, for the tests here, too)

if TYPE_CHECKING:
    from tests.live.broker import Broker

#: where scripts/services puts packages of Node
NODE = Path(os.environ.get("ROUTER_NODE", Path(__file__).parents[2] / "var" / "node"))


@pytest.fixture(scope="module")
def one_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A private RabbitMQ node for all tests of a file, one after the other."""
    from tests.live.broker import Broker  # noqa: PLC0415 (it tells with `absent` that it is not)

    with Broker(tmp_path_factory.mktemp("broker") / "node").running() as made:
        yield made


@pytest.fixture
def new_node(one_node: Broker) -> Broker:
    """That node as new: a test may have filled it, and killed it."""
    one_node.renew()
    return one_node


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
