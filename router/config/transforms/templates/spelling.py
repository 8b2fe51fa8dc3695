"""Owns: expressions of a template: from Jinja's nodes to trees of the expression language.
Imports: core, config.transforms.functions.
Never: imports jinja2: nodes are told by their names; knows what stands around an expression.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from router.config.transforms.compiler import BUILTIN
from router.config.transforms.functions import LIBRARY
from router.core.diagnostics import nearest

Node = Any
Tree = dict[str, Any]

#: nodes within each other
MAX_DEPTH = 100
#: JMESPath's own functions that take an expression, which no template can write, or that count
#: amounts as binary numbers
LEFT_OUT = frozenset(
    {"abs", "avg", "ceil", "floor", "map", "max_by", "min_by", "sort_by", "sum"} | {"to_number"}
)
CALLED = frozenset({*LIBRARY, *BUILTIN, "lookup"} - LEFT_OUT)
#: filters beside functions of the same name, whose first argument is what stands before the |
OWN_FILTERS = frozenset({"default", "join"})
TESTS = ("defined", "undefined", "none")
_COMPARED = {"eq": "eq", "ne": "ne"}
#: Jinja's own filters and functions that have another name here
_INSTEAD = {
    "safe": "a value is never markup: write the tags in the template",
    "escape": "XML is escaped without it",
    "e": "XML is escaped without it",
    "forceescape": "XML is escaped without it",
    "tojson": "to_string(value)",
    "string": "text(value)",
    "int": "text(value) writes a number",
    "float": "amounts are exact: money(text, currency)",
    "round": "rounded(amount, currency)",
    "format": "pad_left(text, width, fill), amount_of(money)",
    "center": "pad_left(text, width, fill)",
    "attr": "a field is written value.field",
    "range": "{% for item in list %}: a loop has the items of a list",
    "sum": "total(list) in let:",
    "map": "let: in the file of the transform, in JMESPath",
    "selectattr": "where(list, field, value)",
    "groupby": "group_sum(list, key, value), or let: in JMESPath",
    "sort": "let: in the file of the transform, in JMESPath",
    "first": "list[0]",
    "last": "list[-1]",
    "count": "length(value)",
    "d": "default(value, other)",
}
_ARITHMETIC = "add(a, b), subtract(a, b), multiply(amount, rate) are exact"
#: what else Jinja's expressions have
_NOT_HERE = {
    "Add": _ARITHMETIC,
    "Sub": _ARITHMETIC,
    "Mul": _ARITHMETIC,
    "Div": _ARITHMETIC,
    "FloorDiv": _ARITHMETIC,
    "Mod": _ARITHMETIC,
    "Pow": _ARITHMETIC,
    "Neg": _ARITHMETIC,
    "Dict": "let: in the file of the transform",
    "Slice": "slice(text, from, to), or let: in JMESPath",
}
_SIGNS = {
    "Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "Pow": "**",
    "Neg": "-", "Dict": "{...}", "Slice": "[from:to]",
}  # fmt: skip


class Unspoken(Exception):
    """Something that expressions of a template do not have; `offset` is where it stands."""

    def __init__(self, code: str, offset: int, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.offset = offset
        self.hint = hint


def tree_of(node: Node) -> Tree:
    """Return the tree, as the jmespath parser would give it. Raises Unspoken."""
    return _Speller(0).tree(node)


@dataclass(frozen=True, slots=True)
class _Speller:
    depth: int

    def tree(self, node: Node) -> Tree:
        """Return the tree of a node."""
        if self.depth > MAX_DEPTH:
            raise Unspoken("E105", node.lineno, f"nested deeper than {MAX_DEPTH}", "take it apart")
        kind = type(node).__name__
        rule = _RULES.get(kind)
        if rule is None:
            sign = _SIGNS.get(kind, kind.lower())
            hint = _NOT_HERE.get(kind, "the reference page tells what expressions have")
            raise Unspoken("E161", node.lineno, f"templates have no {sign}", hint)
        return rule(_Speller(self.depth + 1), node)

    def name(self, node: Node) -> Tree:
        """`body`."""
        return _field(node.name)

    def constant(self, node: Node) -> Tree:
        """`'text'`, `1`, `true`, `none`."""
        if isinstance(node.value, float):
            hint = f"'{node.value}' as a text: functions of amounts take it exactly"
            raise Unspoken("E161", node.lineno, "a number that is not exact", hint)
        return _leaf("literal", node.value)

    def attribute(self, node: Node) -> Tree:
        """`a.b`."""
        return _below(self.tree(node.node), _field(node.attr))

    def item(self, node: Node) -> Tree:
        """`a['b']`, `a[0]`, `a[b]`."""
        found, index = node.arg, self.tree(node.node)
        value = _whole(found)
        if value is not None:
            return {"type": "index_expression", "children": [index, _leaf("index", value)]}
        if type(found).__name__ == "Const" and isinstance(found.value, str):
            return _below(index, _field(found.value))
        return _call("at", [index, self.tree(found)])

    def negative(self, node: Node) -> Tree:
        """`-1`, and no other sum."""
        value = _whole(node)
        if value is None:
            raise Unspoken("E161", node.lineno, "templates have no -", _ARITHMETIC)
        return _leaf("literal", value)

    def call(self, node: Node) -> Tree:
        """`money(a, b)`."""
        if type(node.node).__name__ != "Name":
            hint = "a field has no methods: functions stand alone, upper(text)"
            raise Unspoken("E161", node.lineno, "a call of what is no function's name", hint)
        self._plain(node)
        name = node.node.name
        if name == "default":
            return _call("first_of", self._all(node.args))
        return _call(_known(name, node.node.lineno, "function"), self._all(node.args))

    def filter(self, node: Node) -> Tree:
        """`a | money(b)`."""
        self._plain(node)
        given = [self.tree(node.node), *self._all(node.args)]
        if node.name == "default":
            return _call("first_of", given)
        if node.name == "join":  # Jinja's order: the list first
            glue = given[1:] or [_leaf("literal", "")]
            return _call("join", [*glue, given[0]])
        return _call(_known(node.name, node.lineno, "filter"), given)

    def test(self, node: Node) -> Tree:
        """`a is defined`."""
        if node.name not in TESTS or node.args:
            hint = nearest(node.name, TESTS)
            raise Unspoken("E162", node.lineno, f"unknown test {node.name}", hint)
        word = "ne" if node.name == "defined" else "eq"
        return _compared(word, self.tree(node.node), _leaf("literal", None))

    def compare(self, node: Node) -> Tree:
        """`a == b`, `a in b`."""
        if len(node.ops) > 1:
            raise Unspoken("E161", node.lineno, "several comparisons in a row", "a == b and b == c")
        (one,) = node.ops
        left, right = self.tree(node.expr), self.tree(one.expr)
        if one.op in _COMPARED:
            return _compared(_COMPARED[one.op], left, right)
        if one.op in ("in", "notin"):
            found = _call("contains", [right, left])
            return found if one.op == "in" else _one("not_expression", found)
        hint = "more(a, b), less(a, b) compare amounts, which are texts"
        raise Unspoken("E161", node.lineno, "templates have no <, >", hint)

    def both(self, node: Node) -> Tree:
        """`a and b`."""
        return _two("and_expression", self.tree(node.left), self.tree(node.right))

    def either(self, node: Node) -> Tree:
        """`a or b`."""
        return _two("or_expression", self.tree(node.left), self.tree(node.right))

    def negated(self, node: Node) -> Tree:
        """`not a`."""
        return _one("not_expression", self.tree(node.node))

    def conditional(self, node: Node) -> Tree:
        """`a if b else c`."""
        if node.expr2 is None:
            raise Unspoken("E161", node.lineno, "if without else in an expression", "else ''")
        return _call("choose", self._all([node.test, node.expr1, node.expr2]))

    def joined(self, node: Node) -> Tree:
        """`a ~ b`."""
        parts = {"type": "multi_select_list", "children": self._all(node.nodes)}
        return _call("join", [_leaf("literal", ""), parts])

    def listed(self, node: Node) -> Tree:
        """`['a', 'b']`."""
        if not node.items:
            raise Unspoken("E161", node.lineno, "an empty list", "leave it out")
        return {"type": "multi_select_list", "children": self._all(node.items)}

    def _all(self, nodes: Sequence[Node]) -> list[Tree]:
        return [self.tree(one) for one in nodes]

    def _plain(self, node: Node) -> None:
        """Refuse arguments that are given by name or unpacked."""
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise Unspoken("E161", node.lineno, "arguments have an order, no names", "f(a, b)")


def _known(name: str, offset: int, word: str) -> str:
    """Return a name that can be called. Raises Unspoken."""
    if name in CALLED:
        return name
    code = "E162" if word == "filter" else "E102"
    if name in _INSTEAD or name in LEFT_OUT:
        hint = _INSTEAD.get(name, "let: in the file of the transform, in JMESPath")
        raise Unspoken(code, offset, f"templates have no {word} {name}", hint)
    close = nearest(name, CALLED | OWN_FILTERS)
    hint = close if close.startswith("did") else "the reference page lists all functions"
    raise Unspoken(code, offset, f"unknown {word} {name}", hint)


def _whole(node: Node) -> int | None:
    """Return the whole number that a node spells, or None."""
    kind = type(node).__name__
    if kind == "Neg" and type(node.node).__name__ == "Const":
        value = _whole(node.node)
        return None if value is None else -value
    is_whole = kind == "Const" and isinstance(node.value, int) and not isinstance(node.value, bool)
    return node.value if is_whole else None


def _leaf(kind: str, value: Any) -> Tree:
    return {"type": kind, "value": value, "children": []}


def _field(name: str) -> Tree:
    return _leaf("field", name)


def _one(kind: str, child: Tree) -> Tree:
    return {"type": kind, "children": [child]}


def _two(kind: str, left: Tree, right: Tree) -> Tree:
    return {"type": kind, "children": [left, right]}


def _below(left: Tree, right: Tree) -> Tree:
    """Return a step further, in one row as the parser puts them."""
    if left["type"] == "subexpression":
        return {"type": "subexpression", "children": [*left["children"], right]}
    return _two("subexpression", left, right)


def _compared(word: str, left: Tree, right: Tree) -> Tree:
    return {"type": "comparator", "value": word, "children": [left, right]}


def _call(name: str, arguments: list[Tree]) -> Tree:
    return {"type": "function_expression", "value": name, "children": arguments}


_RULES: Mapping[str, Callable[[_Speller, Node], Tree]] = {
    "Name": _Speller.name,
    "Const": _Speller.constant,
    "TemplateData": _Speller.constant,
    "Getattr": _Speller.attribute,
    "Getitem": _Speller.item,
    "Neg": _Speller.negative,
    "Call": _Speller.call,
    "Filter": _Speller.filter,
    "Test": _Speller.test,
    "Compare": _Speller.compare,
    "And": _Speller.both,
    "Or": _Speller.either,
    "Not": _Speller.negated,
    "CondExpr": _Speller.conditional,
    "Concat": _Speller.joined,
    "List": _Speller.listed,
    "Tuple": _Speller.listed,
}
