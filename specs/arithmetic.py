"""Numbers written as arithmetic: ``"[1.0, 2.0, 1.0/3.0]"`` is how TLT specs hold lists. Evaluated, never executed."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

Number = int | float

MAX_LENGTH = 20_000
MAX_DEPTH = 50

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Number]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def numbers(text: str) -> list[Any]:
    """The list that ``text`` writes: numbers, ``+ - * /``, unary minus, parentheses, lists in lists.

    Raises ValueError, in words for the reader of a spec, for anything else: names, powers, calls, a text that is not
    a list, a result that is not finite, a division by zero.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a list of at most {MAX_LENGTH} characters is expected")
    if _nesting(text) > MAX_DEPTH:
        raise ValueError(f"brackets are nested more than {MAX_DEPTH} deep")
    try:
        # A line break inside the quotes is no line break of the list.
        tree = ast.parse(" ".join(text.split()), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError(f"this is not a list of numbers: {_short(text)}") from None
    if not isinstance(tree, ast.List):
        raise ValueError(f"a list in square brackets is expected, not {_short(text)}")  # noqa: TRY004
    try:
        return [_element(item) for item in tree.elts]
    except RecursionError:
        raise ValueError("this arithmetic is too long") from None
    except OverflowError:
        raise ValueError("a result is too large") from None


def _element(node: ast.expr) -> Any:
    if isinstance(node, ast.List):
        return [_element(item) for item in node.elts]
    value = _number(node)
    if not math.isfinite(value):
        raise ValueError(f"{_short(ast.unparse(node))} is not a finite number")
    return value


def _number(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as value):
            if isinstance(value, int) and value.bit_length() > 64:
                raise ValueError("a number is too large")
            return value
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _UNARY[type(op)](_number(operand))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            try:
                return _BINARY[type(op)](_number(left), _number(right))
            except ZeroDivisionError:
                raise ValueError(f"{_short(ast.unparse(node))} divides by zero") from None
    raise ValueError(f"numbers and + - * / are expected, not {_short(ast.unparse(node))}")


def _nesting(text: str) -> int:
    depth = deepest = 0
    for character in text:
        depth += (character in "[(") - (character in "])")
        deepest = max(deepest, depth)
    return deepest


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
