"""No regular expression of the product is slow, whatever text it sees.

Finds all patterns by itself, so a new one is covered as soon as it is written.
"""

from __future__ import annotations

from tests.security.patterns.found_patterns import (
    hidden_uses,
    is_imported,
    patterns,
    sources,
    uses_patterns,
)
from tests.security.patterns.test_patterns import slow_uses


def test_every_pattern_is_linear() -> None:
    """No text of 100,000 characters takes more than 50 ms of a processor."""
    found = patterns()
    assert len(found) > 100
    slow = {f"{place}: {one.pattern!r}": slow_uses(one) for place, one in found}
    assert not {place: how for place, how in slow.items() if how}


def test_no_pattern_hides_from_the_search() -> None:
    """Patterns are compiled when modules are imported, never inside a function."""
    hidden = {}
    for name, path in sources().items():
        source = path.read_text(encoding="utf-8")
        lines = hidden_uses(source) if is_imported(name) else uses_patterns(source)
        hidden |= {f"{name}:{line}": source.splitlines()[line - 1].strip() for line in lines}
    assert not hidden
