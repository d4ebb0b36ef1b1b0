"""Values of the formulas that workflows calculate sizes and lengths with."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any

_NAMES = (
    "Add:add Sub:sub Mult:mul Div:truediv FloorDiv:floordiv Mod:mod BitAnd:and_"
    " Lt:lt LtE:le Gt:gt GtE:ge Eq:eq NotEq:ne"
)
_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    getattr(ast, node): getattr(operator, name)
    for node, _, name in (one.partition(":") for one in _NAMES.split())
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    one.__name__: one
    for one in (min, max, int, float, round, abs, math.floor, math.ceil, math.sqrt, math.log2)
}
_LONGEST = 500  # characters


def computed(formula: str, variables: Mapping[str, float]) -> float:
    """Return the value of a formula; of one that isn't simple arithmetic, the first variable's."""
    try:
        return float(_value(ast.parse(formula[:_LONGEST].strip(), mode="eval").body, variables))
    except (ValueError, KeyError, TypeError, SyntaxError, ArithmeticError, RecursionError):
        return next(iter(variables.values()), 1.0)


def _value(node: ast.AST, known: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(int() | float() as value):
            return value
        case ast.Name(name):
            return known[name]
        case ast.BinOp(left, operation, right) | ast.Compare(left, [operation], [right]):
            return float(_OPERATORS[type(operation)](_value(left, known), _value(right, known)))
        case ast.UnaryOp(ast.USub(), operand):
            return -_value(operand, known)
        case ast.IfExp(test, body, orelse):
            return _value(body if _value(test, known) else orelse, known)
        case ast.Call(ast.Name(name), args):
            return float(_FUNCTIONS[name](*(_value(one, known) for one in args)))
    raise ValueError(type(node).__name__)
