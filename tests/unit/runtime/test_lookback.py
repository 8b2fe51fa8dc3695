"""A row that comes to light late is found, wherever the reader is by then."""

from __future__ import annotations

from router.runtime.lookback import MOMENT, WHOLE, Lookback


def test_each_look_goes_back_to_where_the_reader_was_some_looks_ago() -> None:
    lookback = Lookback()
    assert [lookback.next(cursor) for cursor in (10, 20, 30, 40, 50, 50)] == [0, 0, 0, 10, 20, 30]
    assert MOMENT == 3


def test_now_and_then_a_look_is_from_the_start() -> None:
    lookback = Lookback()
    looks = [lookback.next(1000) for _ in range(3 * WHOLE)]
    assert looks.count(0) == 3 + MOMENT
    assert [at for at, back in enumerate(looks, start=1) if not back][-3:] == [30, 60, 90]


def test_a_reader_that_has_gone_back_itself_is_not_led_forward() -> None:
    lookback = Lookback()
    for cursor in (10, 20, 30):
        lookback.next(cursor)
    assert lookback.next(5) == 5
