"""What each step does: one file an EIP. A runner is pure: token and context in, Emit out."""

from __future__ import annotations

from collections.abc import Mapping

from router.config import steps as definitions
from router.engine.steps.branch import choose, fork, keep_if
from router.engine.steps.ending import dead_letter, discard
from router.engine.steps.enrich import enrich
from router.engine.steps.publish import produce, send, signal
from router.engine.steps.split import split
from router.engine.steps.translate import apply
from router.engine.token import Runner

RUNNERS: Mapping[type, Runner] = {
    definitions.Apply: apply,
    definitions.Choose: choose,
    definitions.DeadLetter: dead_letter,
    definitions.Discard: discard,
    definitions.Enrich: enrich,
    definitions.Filter: keep_if,
    definitions.Fork: fork,
    definitions.Produce: produce,
    definitions.Recipients: send,
    definitions.Signal: signal,
    definitions.Split: split,
}
