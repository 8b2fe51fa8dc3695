"""Owns: the source of one function, written line by line, and the values that it names.
Imports: the standard library.
Never: takes a word of an author into the source: every name and literal is a constant beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

#: blocks within each other; Python's own bound is 20 loops
DEEPEST = 12


class Code:
    """A function in the making. Names are given by it: constants `k1`, variables `v1`."""

    def __init__(self, parameter: str) -> None:
        self._lines: list[str] = [f"def made({parameter}):"]
        self._depth = 1
        self._variables = 0
        self._known: dict[int, str] = {}
        self._constants: dict[str, Any] = {}

    @property
    def is_deep(self) -> bool:
        """Whether no block more fits in."""
        return self._depth >= DEEPEST

    def constant(self, value: Any) -> str:
        """Return the name under which the source reaches a value."""
        name = self._known.get(id(value))
        if name is None:
            name = self._known[id(value)] = f"k{len(self._constants) + 1}"
            self._constants[name] = value  # kept, so that its id stays its own
        return name

    def variable(self) -> str:
        """Return a name that nothing has yet."""
        self._variables += 1
        return f"v{self._variables}"

    def put(self, line: str) -> None:
        """Add a line."""
        self._lines.append("    " * self._depth + line)

    def let(self, value: str) -> str:
        """Add a line that gives a value a name, and return that."""
        name = self.variable()
        self.put(f"{name} = {value}")
        return name

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Add a line that begins a block; what is added within stands in it."""
        self.put(head)
        self._depth += 1
        yield
        self._depth -= 1

    def function(self) -> Callable[..., Any]:
        """Return the function."""
        names = dict(self._constants)
        exec("\n".join(self._lines), names)  # noqa: S102 (no word of it comes from outside)
        made: Callable[..., Any] = names["made"]
        return made
