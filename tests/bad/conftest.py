"""Bad inputs: each case ends in its expected class of outcome, within seconds, and harms nobody."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.bad.land import Land  # noqa: E402 (after the path is set)


@pytest.fixture
def land() -> Iterator[Land]:
    """A fresh landscape over a store in memory."""
    made = Land()
    yield made
    made.parts.close()
    made.store.close()
