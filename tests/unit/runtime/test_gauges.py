"""Metrics of the store: each place where something waits, its age, and a store that is away."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.core.errors import Unavailable
from router.infra.metrics import Measures
from router.infra.store.rows import Dead, Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.gauges import families
from tests.conftest import NOON

#: what came in five minutes before noon
BORN = f"{int((NOON - timedelta(minutes=5)).timestamp() * 1000):012x}" + "a" * 20


def figures(store: Store) -> dict[tuple[str, ...], float]:
    """Return every series by name and labels, as a Prometheus server reads it."""
    text = Measures().text(families(store, "rev1", NOON)).decode()
    return {
        (one.name, *one.labels.values()): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def row(message: Any, consumer: str) -> Queued:
    return Queued(lane="loop", consumer=consumer, message=message)


def test_what_waits_is_counted_by_place_with_the_age_of_the_oldest(message_of: Any) -> None:
    store = Store.in_memory("rev1")
    young = f"{int(NOON.timestamp() * 1000):012x}" + "b" * 20

    def job(transaction: Transaction) -> None:
        transaction.enqueue([row(message_of(id=one), "c") for one in (young, BORN)])
        transaction.postpone(row(message_of(id=BORN), "d"), NOON, "retry")
        transaction.bury(
            Dead(
                at=NOON, queued=row(message_of(id=young), "e"), reason="poison", detail="", step="",
                place="",
            )
        )  # fmt: skip

    store.write(job)
    found = figures(store)
    waiting = {key[1:]: n for key, n in found.items() if key[0] == "router_waiting_messages"}
    assert waiting == {("c", "queue"): 2, ("d", "due"): 1, ("e", "dead"): 1}
    ages = {key[1:]: n for key, n in found.items() if key[0] == "router_oldest_message_seconds"}
    assert ages == {("c", "queue"): 300, ("d", "due"): 300, ("e", "dead"): 0}
    store.close()


def test_an_id_that_says_no_time_is_as_old_as_can_be(message_of: Any) -> None:
    store = Store.in_memory("rev1")
    store.write(lambda t: t.enqueue([row(message_of(id="no time"), "c")]))
    assert figures(store)["router_oldest_message_seconds", "c", "queue"] == NOON.timestamp()
    store.close()


def test_with_the_store_away_that_is_told_and_what_the_process_counted() -> None:
    class Away:
        def read(self) -> AbstractContextManager[Any]:
            raise Unavailable("gone")

    away: Any = Away()
    measures = Measures()
    measures.called("far.put", "done", 0.02)
    text = measures.text(families(away, "rev1", NOON)).decode()
    assert "router_store_up 0.0" in text
    assert 'router_call_seconds_count{operation="far.put",outcome="done"} 1.0' in text
    assert "router_decisions" not in text


@pytest.mark.parametrize("label", ['a"b', "a\nb", "a\\b"])
def test_a_name_cannot_end_its_line(label: str) -> None:
    measures = Measures()
    measures.requested(label, 202, 0.1)
    found = {
        one.labels["channel"]
        for family in text_string_to_metric_families(measures.text(()).decode())
        for one in family.samples
        if "channel" in one.labels
    }
    assert found == {label}
