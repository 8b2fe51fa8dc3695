"""Owns: what changed between two definitions of a workflow, and what that means to instances.
Imports: config.workflow, core.diagnostics.
Never: looks at an instance (engine.workflow.migration does).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from router.config.components import knobs_of
from router.config.workflow.spans import Span
from router.config.workflow.steps import Ask, Step, Timeout
from router.config.workflow.workflow import Workflow, spelled
from router.core.diagnostics import Place
