"""Owns: what a function of the expression language is: its declaration, its checks, its bounds.
Imports: core, config.transforms.functions.kinds.
Never: shows a value in an error.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import NoReturn, TypeAlias

from router.config.transforms.functions.kinds import Check, checks, described, wanted
from router.core.document import Json
from router.core.errors import TransformError
from router.core.instants import InstantError
from router.core.quantity import NumberError

#: bytes (UTF-8) of a text that a function gives: what ingress allows one string
MAX_TEXT = 256 * 1024
#: argument count that no expression reaches (they have at most 2,048 characters)
_MANY = 2048

#: (expression, its value as JSON)
Example: TypeAlias = tuple[str, str]


class ArgumentError(ValueError):
    """A function refuses its arguments; the text is for the author and shows no value."""


#: errors whose texts may be shown: ours, which hold no values
_TOLD = (ArgumentError, NumberError, InstantError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a function; `rest` takes what arguments are left, none too."""

    name: str
    kind: str
    optional: bool = False
    rest: bool = False

    def __str__(self) -> str:
        if self.rest:
            return f"...{self.name}: {self.kind}"
        return f"{self.name}{'?' if self.optional else ''}: {self.kind}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare:
    """A function without its wrapper: its error tells no more than that it failed."""

    call: Callable[..., Json]
    checks: tuple[Check, ...]
    #: it may give a text; one of more than MAX_TEXT / 4 characters may be too long
    may_be_long: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A pure function that expressions may call; calling it checks the arguments first."""

    name: str
    parameters: tuple[Parameter, ...]
    returns: str
    doc: str
    call: Callable[..., Json]
    example: Example | None = None
    _least: int = field(init=False, repr=False, compare=False)
    _most: int = field(init=False, repr=False, compare=False)
    _checks: tuple[Check, ...] = field(init=False, repr=False, compare=False)
    _rest: Check = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plain = [one for one in self.parameters if not one.rest]
        last = self.parameters[-1] if self.parameters else None
        rest = last if last is not None and last.rest else None
        needed = sum(not one.optional for one in plain)
        object.__setattr__(self, "_least", needed)
        object.__setattr__(self, "_most", len(plain) if rest is None else _MANY)
        object.__setattr__(self, "_checks", tuple(checks(one.kind) for one in plain))
        object.__setattr__(self, "_rest", checks(rest.kind if rest else "any"))
        checks(self.returns)  # raises for a kind that is none

    @property
    def signature(self) -> str:
        """Return how the function is called: `money(amount: text|number, ...) -> money`."""
        return f"{self.name}({', '.join(map(str, self.parameters))}) -> {self.returns}"

    def check_arity(self, given: int) -> str | None:
        """Return what is wrong with this many arguments, or None."""
        if self._least <= given <= self._most:
            return None
        if self._most == _MANY:
            takes = f"{self._least} or more arguments"
        elif self._most == self._least:
            takes = f"{self._least} argument{'' if self._least == 1 else 's'}"
        else:
            takes = f"{self._least} to {self._most} arguments"
        return f"{self.name}() takes {takes}, {given} given: {self.signature}"

    def bare(self, given: int) -> Bare | None:
        """Return what is called for this many arguments; None when only the wrapper knows."""
        if not self._least <= given <= self._most:
            return None
        rest = (self._rest,) * (given - len(self._checks))
        long = "text" in self.returns or "any" in self.returns
        return Bare(call=self.call, checks=(*self._checks[:given], *rest), may_be_long=long)

    def __call__(self, *arguments: Json) -> Json:
        """Return the value for the arguments.

        Raises TransformError, which names the function, the position and the types, no value.
        """
        if not self._least <= len(arguments) <= self._most:
            raise TransformError(self.check_arity(len(arguments)) or "")
        for value, fits in zip(arguments, self._checks, strict=False):
            if not fits(value):
                self._complain(arguments)
        if len(arguments) > len(self._checks):
            for value in arguments[len(self._checks) :]:
                if not self._rest(value):
                    self._complain(arguments)
        try:
            result = self.call(*arguments)
        except _TOLD as error:
            raise TransformError(f"{self.name}(): {error}") from error
        except (ValueError, ArithmeticError) as error:
            # its text may show a value; so may the chained error, which therefore stays behind
            text = f"{self.name}(): the arguments do not fit ({type(error).__name__})"
            raise TransformError(text) from None
        if type(result) is str and too_long(result):
            raise TransformError(f"{self.name}(): the text is larger than {MAX_TEXT} bytes")
        return result

    def _complain(self, arguments: tuple[Json, ...]) -> NoReturn:
        """Name the first argument that does not fit."""
        fitting = chain(self._checks, repeat(self._rest))
        position, value = next(
            (place, value)
            for place, (value, fits) in enumerate(zip(arguments, fitting, strict=False))
            if not fits(value)
        )
        kind = self.parameters[min(position, len(self.parameters) - 1)].kind
        text = f"argument {position + 1} must be {wanted(kind)}, is {described(value, kind)}"
        raise TransformError(f"{self.name}(): {text}")


def function(
    *parameters: str, returns: str, example: Example | None = None, name: str = ""
) -> Callable[[Callable[..., Json]], Function]:
    """Make a Function of a Python function; its docstring becomes the reference text.

    A parameter is `name: kind`, `name?: kind` where it may be left out, `...name: kind` for any
    number of them. `name` is for names that Python has taken. Raises ValueError at import.
    """

    def declare(call: Callable[..., Json]) -> Function:
        doc = inspect.cleandoc(call.__doc__ or "")
        if not doc:
            raise ValueError(f"{call.__name__} has no docstring")
        return Function(
            name=name or call.__name__,
            parameters=tuple(map(_parameter, parameters)),
            returns=returns,
            doc=doc,
            call=call,
            example=example,
        )

    return declare


def too_long(text: str) -> bool:
    """Return whether a text has more than MAX_TEXT bytes; characters are counted where enough."""
    if len(text) * 4 <= MAX_TEXT:
        return False
    return len(text) > MAX_TEXT or len(text.encode(errors="surrogatepass")) > MAX_TEXT


def whole(number: float, what: str) -> int:
    """Return a JSON number without fraction as int. Raises ArgumentError, which names `what`."""
    if isinstance(number, float) and not number.is_integer():
        raise ArgumentError(f"the {what} is not a whole number")
    return int(number)


def _parameter(text: str) -> Parameter:
    name, separator, kind = text.partition(": ")
    if not separator:
        raise ValueError(f"a parameter is 'name: kind', not {text!r}")
    return Parameter(
        name=name.removeprefix("...").removesuffix("?"),
        kind=kind,
        optional=name.endswith("?"),
        rest=name.startswith("..."),
    )
