"""Texts, derived from a regular expression, that would make a backtracking engine slow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, pairwise
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

# Characters of each kind that patterns tell apart.
_PALETTE = "a0Z _-./\\\n\t\r'\"{}[]()|,;:=!%#*@\u00e9\u2028\0"
_OF_CLASS = 5  # members of a character class that are tried
_VARIANTS = 12  # samples of one part of a pattern
_REPEATS = (ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT)
_SUFFIXES = ("", "\n!")
# Slow inputs for well-known bad patterns, tried on every pattern.
_ALWAYS = (*_PALETTE, "ab", "a ", "a\n", " \n", "0a", "a-", "aA", "''", '"a')


class Attack(NamedTuple):
    """Text of any length that repeats `pump` between `prefix` and `suffix`."""

    prefix: str
    pump: str
    suffix: str

    def text(self, length: int) -> str:
        """Return a text of about this length."""
        return self.prefix + self.pump * (length // len(self.pump)) + self.suffix


def attacks(pattern: re.Pattern[str]) -> list[Attack]:
    """Return attacks on each repeat in the pattern and on the search for its start."""
    flags = pattern.flags & ~re.DEBUG
    parsed = list(_parser.parse(pattern.pattern, flags))  # of bytes, too
    pumps = chain((("", one) for one in _ALWAYS), _pumps(parsed, ""))
    found = {
        Attack(prefix, pump, suffix): None
        for prefix, pump in dict.fromkeys(pumps)
        if pump
        for suffix in _SUFFIXES
    }
    return list(found)


def _pumps(items: list[Any], before: str) -> Iterator[tuple[str, str]]:
    """Yield each repeated text with the text before it."""
    for place, (operator, argument) in enumerate(items):
        prefix = before + _first(items[:place])
        if place:  # the engine starts again at each of these
            yield from ((before, sample) for sample in _samples(items[:place]))
        if operator in _REPEATS:
            samples = _samples(list(argument[2]))
            yield from ((prefix, sample) for sample in samples)
            yield from ((prefix, one + other) for one, other in pairwise(samples))
        for body in _bodies(operator, argument):
            yield from _pumps(body, prefix)
    yield from ((before, sample) for sample in _samples(items))


def _bodies(operator: Any, argument: Any) -> Iterator[list[Any]]:
    match operator:
        case ops.BRANCH:
            yield from map(list, argument[1])
        case ops.SUBPATTERN:
            yield list(argument[3])
        case ops.ATOMIC_GROUP:
            yield list(argument)
        case ops.ASSERT | ops.ASSERT_NOT:
            yield list(argument[1])
        case ops.GROUPREF_EXISTS:
            yield from (list(body) for body in argument[1:] if body)
        case _ if operator in _REPEATS:
            yield list(argument[2])


def _first(items: list[Any]) -> str:
    return "".join(next(iter(_of_item(*item)), "") for item in items)


def _samples(items: list[Any]) -> list[str]:
    """Return texts that match the items and differ in one place each."""
    variants = [_of_item(*item) or [""] for item in items]
    plain = [one[0] for one in variants]
    found = {"".join(plain): None}
    for place, others in enumerate(variants):
        for other in others[1:]:
            found["".join([*plain[:place], other, *plain[place + 1 :]])] = None
    return list(found)[:_VARIANTS]


def _of_item(operator: Any, argument: Any) -> list[str]:
    match operator:
        case ops.LITERAL:
            return [chr(argument)]
        case ops.NOT_LITERAL:
            return [one for one in _PALETTE if ord(one) != argument][:_OF_CLASS]
        case ops.ANY:
            return ["a", " ", "\n"]
        case ops.IN:
            return _members(argument)
        case ops.ASSERT_NOT | ops.AT | ops.GROUPREF:
            return [""]
        case _ if operator in _REPEATS:
            least, _, body = argument
            repeated = [one * max(least, 1) for one in _samples(list(body))]
            return repeated if least else [*repeated, ""]
    return list(chain.from_iterable(map(_samples, _bodies(operator, argument))))[:_VARIANTS]


def _members(items: list[Any]) -> list[str]:
    """Return some characters of a class: first those it names, then some of each kind."""
    negated = items[0][0] is ops.NEGATE
    named = [chr(arg if op is ops.LITERAL else arg[0]) for op, arg in items if op in _NAMING]
    candidates = dict.fromkeys([*("" if negated else named), *_PALETTE])
    inside = [one for one in candidates if negated != any(_holds(one, *item) for item in items)]
    half = _OF_CLASS // 2
    return inside[:half] + inside[half :: max(1, len(inside) // (_OF_CLASS - half))]


_NAMING = (ops.LITERAL, ops.RANGE)
_CATEGORIES = {
    ops.CATEGORY_DIGIT: r"\d",
    ops.CATEGORY_NOT_DIGIT: r"\D",
    ops.CATEGORY_SPACE: r"\s",
    ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w",
    ops.CATEGORY_NOT_WORD: r"\W",
}


def _holds(character: str, operator: Any, argument: Any) -> bool:
    match operator:
        case ops.LITERAL:
            return ord(character) == argument
        case ops.RANGE:
            return bool(argument[0] <= ord(character) <= argument[1])
        case ops.CATEGORY:
            return re.match(_CATEGORIES[argument], character) is not None
        case _:
            return False
