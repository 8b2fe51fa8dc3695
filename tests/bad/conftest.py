"""Bad inputs: each case ends in its expected class of outcome, within seconds, and harms nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.bad.cage import Cage  # noqa: E402 (after the path is set)
from tests.bad.land import Land  # noqa: E402
from tests.live.conftest import debian13, one_node, rabbitmq  # noqa: E402, F401 (fixtures)


@pytest.fixture
def land() -> Iterator[Land]:
    """A fresh landscape over a store in memory."""
    made = Land()
    yield made
    made.parts.close()
    made.store.close()


@pytest.fixture(scope="module")
def cage(request: pytest.FixtureRequest) -> Iterator[Cage]:
    """The process for the cases of a module: what it calls is the module's `attempt`."""
    made = Cage(request.module.__name__)
    yield made
    made.close()
