"""Owns: closing a window before its time, as operators ask.
Imports: core, infra.store, runtime.again, runtime.turnrecords.
Never: sends: the turner lets go what a window holds, as at its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from router.core.instants import time_text
from router.infra.store.instances import Instances
from router.infra.store.transaction import Transaction
from router.runtime.again import note
from router.runtime.turnrecords import window_row


def close_window(
    transaction: Transaction, arguments: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """Let all go that a window holds of a workflow; return how much, by the time of its closing.

    What is held after that waits for the window as ever.
    """
    workflow, window = arguments["workflow"], arguments["window"]
    closings = Instances(transaction.connection).closings(workflow, window)
    rows = [window_row(workflow, window, closes_at) for closes_at, _ in closings]
    transaction.enqueue(rows)
    for row in rows:
        note(transaction, row, now, "closed_early", {"reason": arguments["reason"]})
    return {"closed": {time_text(closes_at): number for closes_at, number in closings}}
