"""Owns: turning a whole map into one function of generated code.
Imports: config.transforms.code, config.transforms.compiler, config.transforms.maptree.
Never: tells what is wrong with a value: what fails here is evaluated by the tree, which does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from router.config.transforms.code import Code
from router.config.transforms.compiler import Unwritable, Writer, false
from router.config.transforms.expressions import FAILURES, Expression
from router.config.transforms.maptree import (
    ABSENT,
    MAX_IN_ALL,
    MAX_ITEMS,
    SPENT,
    Block,
    Builder,
    Constant,
    Items,
    Leaf,
    Record,
    Scope,
    built,
    finished,
    named,
)
from router.core.document import Json
from router.core.errors import MessageError

Lets = tuple[tuple[str, Builder], ...]
#: what a name may hold beside a value: nothing else, null for a key that is left out, ABSENT for
#: one; many = a list that is spliced, few = such a list or ABSENT
How = Literal["sure", "null", "absent", "many", "few"]


class Failed(ValueError):
    """A document for which the quick way does not go."""


class MapFunction:
    """A map with its names, as one function of the roots. Made when it is first wanted."""

    def __init__(self, lets: Lets, body: Builder) -> None:
        self._lets, self._body = lets, body
        self._quick: Callable[[Scope], Json] = self._first

    def __call__(self, scope: Scope) -> Json:
        """Return the document. Raises TransformError or LimitExceeded with its place."""
        try:
            return self._quick(scope)
        except (MessageError, *FAILURES):  # the tree tells it, or gives the document
            return self._told(scope)

    def watch(self, told: Callable[[Scope], None]) -> None:
        """Tell the roots of each run from now on, and evaluate each expression for itself."""

        def run(scope: Scope) -> Json:
            told(scope)
            return self._told(scope)

        self._quick = run

    def _told(self, scope: Scope) -> Json:
        return finished(built(self._body, self._lets, named(self._lets, scope)))

    def _first(self, scope: Scope) -> Json:
        try:
            self._quick = compile_map(self._lets, self._body)
        except (Unwritable, RecursionError):
            self._quick = self._told
        return self._quick(scope)


def compile_map(lets: Lets, body: Builder) -> Callable[[Scope], Json]:
    """Return a function of the roots that gives what a map gives, or raises. Raises Unwritable."""
    code = Code("scope")
    roots = {
        name: code.let(f"scope.get({code.constant(name)})")
        for name in sorted(_reads(body) | {name for _, part in lets for name in _reads(part)})
    }
    scribe = _Scribe(code, {**roots, SPENT: code.let("0")}).with_names(lets)
    name, _ = scribe.part(body)
    code.put(f"return {name}")
    return code.function()


@dataclass(frozen=True, slots=True)
class _Scribe:
    """Writes parts of a map where these variables hold the roots."""

    code: Code
    roots: Mapping[str, str]

    def with_names(self, lets: Lets) -> _Scribe:
        """Write the values of a `let`; return who knows their names."""
        scribe = self
        for name, part in lets:
            held, how = scribe.part(part)
            if how in ("absent", "few"):
                held = self.code.let(f"None if {held} is {self._absent} else {held}")
            scribe = _Scribe(self.code, {**scribe.roots, name: held})
        return scribe

    @property
    def _absent(self) -> str:
        return self.code.constant(ABSENT)

    def part(self, part: Builder) -> tuple[str, How]:
        """Write what gives a part's value; return the name that holds it, and what it may be."""
        if self.code.is_deep:
            raise Unwritable
        match part:
            case Constant(value=value):
                return self.code.constant(value), "sure"
            case Leaf(expression=expression):
                return self._value(expression), "null"
            case Record():
                return self._record(part), "sure"
            case Items():
                return self._items(part), "sure"
            case Block(each=None):
                return self._block(part)
            case Block(each=each):
                assert each is not None, "the case before"
                return self._each(part, each), "many"

    def _value(self, expression: Expression) -> str:
        late = expression.evaluate
        writer = Writer(code=self.code, function_of=late.function_of, roots=self.roots, bare=True)
        return writer.write(late.tree, None)

    def _record(self, record: Record) -> str:
        made = self.code.let("{}")
        for key, part in record.parts:
            held, how = self.part(part)
            self._keep(how, held, f"{made}[{self.code.constant(key)}] = {held}")
        return made

    def _items(self, items: Items) -> str:
        made = self.code.let("[]")
        for part in items.parts:
            held, how = self.part(part)
            verb = "extend" if how in ("many", "few") else "append"
            self._keep(how, held, f"{made}.{verb}({held})")
        return made

    def _keep(self, how: How, held: str, line: str) -> None:
        """Write a line that is left out with its value."""
        if how in ("sure", "many"):
            self.code.put(line)
            return
        nothing = "None" if how == "null" else self._absent
        with self.code.block(f"if {held} is not {nothing}:"):
            self.code.put(line)

    def _block(self, block: Block) -> tuple[str, How]:
        """Write a block; what it holds is ABSENT where its condition does not hold."""
        made = self.code.let(self._absent)
        scribe = self.with_names(block.lets)
        with self.code.block(f"if {scribe.condition(block)}:"):
            held, how = scribe.part(block.body)
            self._keep(how, held, f"{made} = {held}")
        return made, "few" if how in ("many", "few") else "absent"

    def _each(self, block: Block, each: Expression) -> str:
        code, source = self.code, self._value(each)
        all_of_them = f"({self.roots[SPENT]} := {self.roots[SPENT]} + len({source})) > {MAX_IN_ALL}"
        wrong = f"{source}.__class__ is not list or len({source}) > {MAX_ITEMS} or {all_of_them}"
        with code.block(f"if {wrong}:"):
            code.put(f"raise {code.constant(Failed)}")
        made, index, item = code.let("[]"), code.variable(), code.variable()
        with code.block(f"for {index}, {item} in enumerate({source}):"):
            own = {"item": item, "index": index, "position": f"({index} + 1)"}
            scribe = _Scribe(code, {**self.roots, **own}).with_names(block.lets)
            with code.block(f"if {scribe.condition(block)}:"):
                held, how = scribe.part(block.body)
                self._keep(how, held, f"{made}.append({held})")
        return made

    def condition(self, block: Block) -> str:
        """Write the condition of a block; return it."""
        if block.guard is None:
            return "True"
        return f"not ({false(self.code, self._value(block.guard))})"


def _reads(part: Builder) -> set[str]:
    """Return the names that the expressions of a part read."""
    match part:
        case Leaf(expression=expression):
            return set(expression.reads)
        case Record(parts=parts):
            return {name for _, one in parts for name in _reads(one)}
        case Items(parts=parts):
            return {name for one in parts for name in _reads(one)}
        case Block(lets=lets, guard=guard, body=body, each=each):
            inner = [body, *(one for _, one in lets)]
            own = [one.reads for one in (guard, each) if one is not None]
            return {name for one in inner for name in _reads(one)}.union(*own)
    return set()
