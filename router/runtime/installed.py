"""Owns: finding the adapters that are installed, by their entry points.
Imports: nothing of the router.
Never: names an adapter.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

GROUP = "router.adapters"


def installed_adapters() -> dict[str, Any]:
    """Return every installed adapter's class by the name that configuration uses."""
    return {point.name: point.load() for point in entry_points(group=GROUP)}
