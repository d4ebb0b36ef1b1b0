r"""Check that no regular expression in the product is slow on any text.

The test finds all patterns by itself, so it covers a new pattern immediately.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.security.patterns.attack_texts import Attack, attacks
from tests.security.patterns.found_patterns import (
    hidden_uses,
    is_imported,
    patterns,
    reachable,
    sources,
    uses_patterns,
)

Use = Callable[[str], object]
LENGTH = 100_000
LONGEST = 0.05  # seconds of processor for a text of LENGTH characters
# An exponential pattern exceeds its limit at one of these before the next would take minutes, and
# what grows with the square of the length exceeds it at the last.
LENGTHS = (8, 14, 20, 28, 40, 56, 80, 120, 180, 300, 600, 2_000)
SLOWEST = 3  # attacks on a pattern that are tried at LENGTH: those that took most at the last
HOPELESS = 20  # times the limit: no other try will be within it
SLOW_MACHINE = 4  # times the limit that a pattern may take if its time grows linearly
TRIES = 8  # the best counts: another program may have had the processor's caches
# A processor that other programs share is slower. A known pattern that takes KNOWN_SECONDS alone on
# a processor tells how much, up to BUSIEST times.
KNOWN, KNOWN_TEXT, KNOWN_SECONDS, BUSIEST = re.compile(r"(a|b)+c"), "ab" * 25_000 + "c", 0.001, 3


def uses(pattern: re.Pattern[str]) -> dict[str, Use]:
    """Return the slowest ways to use a pattern: `search` and `match` do only part of the work of
    `sub`. Bytes patterns get the text as bytes."""
    kind = type(pattern.pattern)
    as_kind = _as_bytes if kind is bytes else str
    return {
        "fullmatch": lambda text: pattern.fullmatch(as_kind(text)),
        "sub": lambda text: pattern.sub(kind(), as_kind(text)),
    }


def _as_bytes(text: str) -> Any:
    return text.encode("latin-1", "replace")


def share_of_limit(use: Use, text: str) -> float:
    """Return the use's time as a share of the allowed time."""
    limit = LONGEST * max(len(text) / LENGTH, 0.1)
    share = float("inf")
    for _ in range(TRIES):
        found = seconds_of(use, text) / limit
        if found > 1:
            found /= busyness()
        share = min(share, found)
        if share <= 1 or share > HOPELESS:
            break
    return share


def busyness() -> float:
    """Return how much slower the processor is at the moment than alone."""
    slower = seconds_of(KNOWN.fullmatch, KNOWN_TEXT) / KNOWN_SECONDS
    return min(max(1.0, slower), BUSIEST)


def seconds_of(use: Use, text: str) -> float:
    """Return the use's processor time."""
    begun = time.thread_time()
    use(text)
    return time.thread_time() - begun


def growing(use: Use, attack: Attack, lengths: Iterable[int]) -> tuple[float, int]:
    """Return the share and the length at the first length that exceeds the limit, or at the last
    length."""
    share, length = 0.0, 0
    for length in lengths:
        share = share_of_limit(use, attack.text(length))
        if share > 1:
            break
    return share, length


def slow_uses(pattern: re.Pattern[str]) -> list[str]:
    """Return the uses of a pattern that exceed the limit, each with an example text."""
    tried = ((name, slow_text(pattern, use)) for name, use in uses(pattern).items())
    return [f"{name} of {text}" for name, text in tried if text]


def slow_text(pattern: re.Pattern[str], use: Use) -> str:
    """Return the attack that exceeds the limit and its number of characters, or an empty string."""
    tried = []
    for attack in attacks(pattern):
        share, length = growing(use, attack, LENGTHS)
        if share > 1:
            return f"{attack} with {length} characters"
        tried.append((share, attack))
    for _, attack in sorted(tried, reverse=True)[:SLOWEST]:
        tenth, _ = growing(use, attack, [LENGTH // 10])
        share, length = tenth, LENGTH // 10
        if tenth < SLOW_MACHINE:
            share, length = growing(use, attack, [LENGTH])
        if share > SLOW_MACHINE or share > max(1, 2 * tenth):
            return f"{attack} with {length} characters"
    return ""


@pytest.mark.parametrize(
    "source",
    [
        "import re\ndef f(text):\n    return re.search('a', text)",
        "import re\ndef f(text, pattern):\n    return re.compile(pattern).search(text)",
        "import re\nclass A:\n    async def f(self, text):\n        return re.sub('a', '', text)",
        "import re\nf = lambda text: re.match('a', text)",
        "import re as other",
        "from re import compile",
        "import fnmatch",
        "def f():\n    import re",
    ],
)
def test_a_hidden_pattern_is_found(source: str) -> None:
    """The source check detects each way to hide a pattern."""
    assert hidden_uses(source)


@dataclass(frozen=True, slots=True)
class Row:
    pattern: object


class Named:
    PATTERN = re.compile("in a class")


def test_patterns_are_found_in_every_container() -> None:
    """The search finds patterns inside containers, values, classes, closures and defaults."""
    inner = re.compile("in a closure")

    def function(default: object = re.compile("in a default")) -> object:
        return inner, default

    kept = {
        "a list": [re.compile("in a list")],
        "rows": ((Row({"key": re.compile("in a row")}),),),
        "a class": Named,
        "a function": function,
    }
    found = {pattern.pattern for _, pattern in reachable(kept, {"tests"})}
    assert found == {f"in a {name}" for name in ("list", "row", "class", "closure", "default")}


@pytest.mark.parametrize(
    "pattern",
    [
        r"ERROR: .*(checkpoint|unet|clip|vae).* (is )?invalid",
        r"Model .* not found",
        "(?:a|a)?" * 12 + "b",
        r"save.*image|image.*save",
        r"combine.*(gif|mp4|webm)",
        r"(a+)+$",
        r"(\w+\s?)*!",
        r"(a|ab|b)*c",
        r"\s+$",
        r"[\s,]+(?=https?://)",
        r"\d+px",
        r"(\\*)([{}|])",
        r"^.*regex.*json\w*$",
        r"<(.+):(.+):(.+)>",
        r"[-+]?\d*\.?\d+",
        r"(?<=')[^x]*x",
    ],
)
def test_a_slow_pattern_is_found(pattern: str) -> None:
    """The attacks find patterns that are known to be slow."""
    assert slow_uses(re.compile(pattern, re.DOTALL))


def test_every_pattern_is_linear() -> None:
    """No text of 100,000 characters takes more than 50 ms of processor time."""
    found = patterns()
    assert len(found) > 100
    slow = {f"{place}: {one.pattern!r}": slow_uses(one) for place, one in found}
    assert not {place: how for place, how in slow.items() if how}


def test_no_pattern_hides_from_the_search() -> None:
    """The product compiles patterns when modules are imported, never inside a function."""
    hidden = {}
    for name, path in sources().items():
        source = path.read_text(encoding="utf-8")
        lines = hidden_uses(source) if is_imported(name) else uses_patterns(source)
        hidden |= {f"{name}:{line}": source.splitlines()[line - 1].strip() for line in lines}
    assert not hidden
