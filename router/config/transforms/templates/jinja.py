"""Owns: Jinja's own parser: the text of a template to its tree, each node at its offset.
Imports: jinja2 (nowhere else in the project).
Never: compiles or runs a template.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, TemplateSyntaxError
from jinja2.lexer import Lexer

#: tokens that end an expression
_ENDS = frozenset({"variable_end", "block_end"})
#: (offset, kind, text)
Token = tuple[int, str, str]


class Misread(Exception):
    """The text is not Jinja; `offset` is where."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Tree:
    """What a text says: Jinja's nodes, whose `lineno` is an offset, and where expressions end."""

    body: tuple[Any, ...]
    ends: tuple[int, ...]


class _Lexer(Lexer):
    """Jinja's lexer with offsets where it has line numbers: a line says too little."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.tokens: list[Token] = []

    def tokeniter(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> Iterator[Token]:
        """Yield the tokens. Raises Misread."""
        at = 0
        try:
            for _, kind, text in super().tokeniter(source, name, filename, state):
                at = max(source.find(text, at), at)  # what was trimmed before it is passed over
                self.tokens.append((at, kind, text))
                yield at, kind, text
                at += len(text)
        except TemplateSyntaxError as error:
            raise Misread(_said(error), min(at, max(len(source) - 1, 0))) from None


class _Environment(Environment):
    """Jinja's grammar, nothing of its library; tags that stand alone leave no empty line."""

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
        self.own = _Lexer(self)

    @property
    def lexer(self) -> Lexer:
        """Return the lexer of this environment alone."""
        return self.own


def parse(text: str) -> Tree:
    """Return the tree of a template, whose lines end in LF. Raises Misread."""
    environment = _Environment()
    try:
        tree = environment.parse(text)
    except TemplateSyntaxError as error:
        raise Misread(_said(error), error.lineno) from None
    except RecursionError:
        raise Misread("nested deeper than its parser can go", 0) from None
    except ValueError:  # an integer of more digits than Python reads
        offset = environment.own.tokens[-1][0] if environment.own.tokens else 0
        raise Misread("a number that is too long", offset) from None
    ends = tuple(at for at, kind, _ in environment.own.tokens if kind in _ENDS)
    return Tree(body=tuple(tree.body), ends=ends)


def _said(error: TemplateSyntaxError) -> str:
    return str(error.message or "it does not fit").splitlines()[0].rstrip(".")
