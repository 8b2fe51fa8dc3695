"""Owns: what options of commands may hold beside texts and numbers: durations, rates, times.
Imports: click, core, runtime.clock.
Never: guesses an offset.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import click

from router.core.instants import InstantError, from_text
from router.core.units import duration, rate
from router.runtime.clock import SystemClock


class Span(click.ParamType[timedelta]):
    """A duration as the language writes it."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> timedelta:
        """Return the duration, or fail."""
        found = value if isinstance(value, timedelta) else duration(value)
        return self.fail("say 500ms, 5s, 30m, 2h, 90d", param, ctx) if found is None else found


class Rate(click.ParamType[int]):
    """Messages a second or a minute; becomes a number a minute."""

    name = "rate"

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """Return the rate, or fail."""
        found = value if isinstance(value, int) else rate(value)
        return self.fail("say 20/s or 30/m", param, ctx) if found is None else found


class When(click.ParamType[datetime]):
    """A time with its offset, or how long ago."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> datetime:
        """Return the time, or fail."""
        if isinstance(value, datetime):
            return value
        span = duration(value)
        if span is not None:
            return SystemClock().now() - span
        try:
            return from_text(value)
        except InstantError:
            return self.fail("say 2h (ago) or 2026-03-01T00:00:00Z", param, ctx)
