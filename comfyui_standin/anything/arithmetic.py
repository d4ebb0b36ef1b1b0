"""Values of the formulas that workflows calculate sizes and lengths with."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

_NAMES = (
    "Add:add Sub:sub Mult:mul Div:truediv FloorDiv:floordiv Mod:mod BitAnd:and_"
    " Lt:lt LtE:le Gt:gt GtE:ge Eq:eq NotEq:ne"
)
_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    getattr(ast, node): getattr(operator, name)
    for node, _, name in (one.partition(":") for one in _NAMES.split())
} | {ast.Pow: math.pow}
_CHOSEN = {  # by the words that nodes for two numbers have for an operation
    r"add(ition)?|plus|sum|\+": "a + b",
    r"sub(tract|traction)?|minus|-": "a - b",
    r"mul(t|tiply|tiplication)?|times|\*": "a * b",
    r"div(ide|ision)?|/": "a / b",
    r"min|minimum": "min(a, b)",
    r"max|maximum": "max(a, b)",
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    one.__name__: one
    for one in (min, max, int, float, round, abs, math.floor, math.ceil, math.sqrt, math.log2)
}
_LONGEST = 500  # characters
_FORMULA = re.compile(r"[\w\s.(),+*/%<>=-]+")


def computed(formula: str, variables: Mapping[str, float]) -> float | None:
    """Return the value of a formula, None if it isn't simple arithmetic of these variables."""
    if not _FORMULA.fullmatch(formula):
        return None
    try:
        value = float(_value(ast.parse(formula[:_LONGEST].strip(), mode="eval").body, variables))
    except (ValueError, KeyError, TypeError, SyntaxError, ArithmeticError, RecursionError):
        return None
    return value if math.isfinite(value) else None


def operated(words: Iterable[str], numbers: Sequence[float]) -> float | None:
    """Return the value of two numbers with the operation that one of the words names."""
    if len(numbers) != 2:
        return None
    known = dict(zip("ab", numbers, strict=True))
    names = ((word.strip().lower(), one) for word in words for one in _CHOSEN)
    return next(
        (computed(_CHOSEN[one], known) for word, one in names if re.fullmatch(one, word)), None
    )


def _value(node: ast.AST, known: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(int() | float() as value):
            return value
        case ast.Name(name):
            return known[name]
        case ast.Attribute(ast.Name(name), attribute):
            return known[f"{name}.{attribute}"]
        case ast.BinOp(left, operation, right) | ast.Compare(left, [operation], [right]):
            return float(_OPERATORS[type(operation)](_value(left, known), _value(right, known)))
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand, known)
        case ast.IfExp(test, body, orelse):
            return _value(body if _value(test, known) else orelse, known)
        case ast.Call(ast.Name(name), args):
            return float(_FUNCTIONS[name](*(_value(one, known) for one in args)))
    raise ValueError(type(node).__name__)
