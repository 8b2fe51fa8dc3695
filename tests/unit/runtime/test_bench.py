"""The benchmark measures what it says: every message is carried to its command."""

from __future__ import annotations

from router.runtime.bench import measure_embedded


def test_both_loops_are_measured_in_turn() -> None:
    figures = measure_embedded(messages=256, repeats=2)
    assert len(figures.pipeline) == len(figures.bare) == 2
    assert all(rate > 0 for rate in (*figures.pipeline, *figures.bare))
    assert 0 < figures.ratio < 2
