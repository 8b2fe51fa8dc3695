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
    from tests.live.root import Root

#: where scripts/services puts packages of Node
NODE = Path(os.environ.get("ROUTER_NODE", Path(__file__).parents[2] / "var" / "node"))


@pytest.fixture(scope="session")
def debian13() -> Root:
    """A Debian 13 beside the machine's own system."""
    from tests.live import root  # noqa: PLC0415 (it tells with `absent` what is not there)

    return root.debian13()


@pytest.fixture(scope="module", params=["here", pytest.param("4.0", marks=pytest.mark.soak)])
def rabbitmq(request: pytest.FixtureRequest) -> Root:
    """Where RabbitMQ comes from: the machine's own (3.10 of Debian 12, in CI), or 4.0.

    Tests of a file with the one come before those with the other: one node runs at a time.
    """
    from tests.live.root import MACHINE  # noqa: PLC0415 (as above)

    if request.param == "here":
        return MACHINE
    found: Root = request.getfixturevalue("debian13")
    return found


@pytest.fixture(scope="module")
def one_node(rabbitmq: Root, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A private RabbitMQ node for all tests of a file, one after the other."""
    from tests.live.broker import Broker  # noqa: PLC0415 (it tells with `absent` that it is not)

    with Broker(tmp_path_factory.mktemp("broker") / "node", rabbitmq).running() as made:
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
