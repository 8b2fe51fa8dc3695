"""Owns: what a process counts of itself, and the text that a Prometheus server reads.
Imports: prometheus_client.
Never: a label of which there can be many (ids, texts of errors); reads the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

#: what the text is
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
#: upper bounds in seconds
_CALLS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_REQUESTS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric with all its series: the values of its labels, and the figure.

    A `counter` only grows, over restarts too; its name has no `_total`, the text adds it.
    """

    name: str
    doc: str
    labels: tuple[str, ...]
    series: Mapping[tuple[str, ...], float]
    counter: bool = False


class Measures:
    """Counts calls and requests of this process. Safe for many threads."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._calls = Histogram(
            "router_call_seconds",
            "Calls of systems by what came of them, as this process made them",
            ("operation", "outcome"),
            buckets=_CALLS,
            registry=self._registry,
        )
        self._requests = Histogram(
            "router_request_seconds",
            "Webhooks by what they were answered, from the first byte to the answer",
            ("channel", "status"),
            buckets=_REQUESTS,
            registry=self._registry,
        )

    def called(self, operation: str, outcome: str, seconds: float) -> None:
        """Count a call of a system."""
        self._calls.labels(operation, outcome).observe(seconds)

    def requested(self, channel: str, status: int, seconds: float) -> None:
        """Count a webhook."""
        self._requests.labels(channel, str(status)).observe(seconds)

    def text(self, families: Iterable[Family]) -> bytes:
        """Return everything in Prometheus's text format: these, and what was counted here."""
        asked = _Asked([_metric(one) for one in families])
        return generate_latest(asked) + generate_latest(self._registry)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Metrics that are there for one answer."""

    metrics: list[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.metrics


def _metric(family: Family) -> Metric:
    kind = CounterMetricFamily if family.counter else GaugeMetricFamily
    made = kind(family.name, family.doc, labels=family.labels)
    for labels, value in sorted(family.series.items()):
        made.add_metric(labels, value)
    return made
