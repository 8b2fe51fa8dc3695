"""Owns: letting the expressions of a workflow run as code over single roots, as maps do.
Imports: config.transforms, core.
Never: tells what is wrong with a value: what fails is evaluated as it is written, which does.
"""

from __future__ import annotations

from router.config.transforms.compiler import Unwritable
from router.config.transforms.expressions import FAILURES, Expression, Late
from router.config.transforms.mapcode import compile_map
from router.config.transforms.maptree import Leaf
from router.core.document import Json
from router.core.errors import MessageError


def hasten(expression: Expression) -> None:
    """Let an expression run past the wrappers of its functions. It means the same."""
    late = expression.evaluate
    told = Late(late.tree, late.function_of)

    def first(scope: Json) -> Json:
        try:
            quick = compile_map((), Leaf(expression))
        except (Unwritable, RecursionError):
            late.run = told.run
            return late.run(scope)

        def run(scope: Json) -> Json:
            try:
                return quick(scope)
            except (MessageError, *FAILURES):
                return told.run(scope)

        late.run = run
        return run(scope)

    late.run = first
