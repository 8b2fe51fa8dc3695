"""A running landscape for the tests of a file, and requests to it as strangers and vendors send."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.crash.processes import Landscape, Settings, started  # noqa: E402 (after the path is set)
from tests.crash.traffic import make_day  # noqa: E402


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landscape]:
    """A landscape with its sandbox and its daemon, for every test of a file."""
    orders = make_day(1, messages=0, files=0).orders
    with started(
        tmp_path_factory.mktemp("running") / "project", Settings(orders=orders, whole=True)
    ) as made:
        yield made


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landscape]:
    """A landscape in which nothing runs."""
    made = Landscape.copied(tmp_path_factory.mktemp("still") / "project", Settings(whole=True))
    yield made
    made.close()
