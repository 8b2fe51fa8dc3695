"""Owns: which component a policy file holds, by its word.
Imports: config.policies, config.workflow.
Never: decodes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.config.policies import FailurePolicy
from router.config.source import Node, Table
from router.config.workflow.calendars import Calendar, Window
from router.config.workflow.decisions import DecisionTable, ExceptionClasses

#: word of `policy:` -> component, in the order of `config.policies.KINDS`
POLICIES: Mapping[str, type[Any]] = {
    "failure": FailurePolicy,
    "decision": DecisionTable,
    "exception": ExceptionClasses,
    "calendar": Calendar,
    "window": Window,
}


def policy_class(node: Node) -> type[Any]:
    """Return the component of a file; of one with an unknown word a failure policy, which tells."""
    word = node.text_of("policy") if isinstance(node, Table) else None
    return POLICIES.get(word or "", FailurePolicy)
