"""Owns: everything that has been loaded so far, by name, for references to be resolved against.
Imports: core only; what it holds is typed where it is made.
Never: reads files; is reachable at run time (compiled steps hold the things themselves).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from router.config.channels import Channel
    from router.config.contracts import Contracts
    from router.config.flows import Flow
    from router.config.policies import FailurePolicy
    from router.config.systems import AnyOperation, System
    from router.config.transforms.tables import Table
    from router.config.transforms.transform import Transform
    from router.config.workflow.calendars import Calendar, Window
    from router.config.workflow.decisions import DecisionTable, ExceptionClasses
    from router.config.workflow.workflow import Workflow


@dataclass(slots=True)
class Library:
    """The names that may be referred to. Filled in this order while a project is loaded."""

    contracts: Contracts
    #: adapter name -> the class that an entry point names (its request and settings components)
    adapters: Mapping[str, Any] = field(default_factory=dict)
    presets: Mapping[str, Any] = field(default_factory=dict)
    #: texts of templates by the path of their file
    templates: Mapping[str, str] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    policies: dict[str, FailurePolicy] = field(default_factory=dict)
    decisions: dict[str, DecisionTable] = field(default_factory=dict)
    classes: dict[str, ExceptionClasses] = field(default_factory=dict)
    calendars: dict[str, Calendar] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    transforms: dict[str, Transform] = field(default_factory=dict)
    systems: dict[str, System] = field(default_factory=dict)
    workflows: dict[str, Workflow] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    #: names of things whose own file is at fault: a reference to one is no second mistake
    broken: set[str] = field(default_factory=set)

    @property
    def operations(self) -> dict[str, AnyOperation]:
        """Return every operation by `system.operation`."""
        return {
            f"{system.name}.{name}": operation
            for system in self.systems.values()
            for name, operation in system.operations.items()
        }
