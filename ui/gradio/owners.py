"""Owners of Gradio's sessions and calls, which only their owners may use, with limits per owner."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

from ui.web.shares import Caller


class Owners:
    """Names and their callers: at most `most` in total, with limits per user and per address.

    A new name replaces the least recently used one: the user's own, otherwise the address's,
    otherwise one of the largest address. `forget` is called with each replaced name. Not
    thread-safe; belongs to the event loop.
    """

    def __init__(self, most: int, person: int, address: int, forget: Callable[[str], None]) -> None:
        self.most = most
        self.person = person
        self.address = address
        self._forget = forget
        self._callers: OrderedDict[str, Caller] = OrderedDict()  # least recently used first

    def claim(self, name: str, caller: Caller) -> bool:
        """Claim a name for a caller on first use; return False if it belongs to another caller."""
        if name in self._callers:
            if not self.belongs(name, caller):
                return False
            self._callers.move_to_end(name)
            return True
        self._callers[name] = caller
        self._keep(
            self.person,
            [one for one, owner in self._callers.items() if owner.person == caller.person],
        )
        self._keep(self.address, self._from(caller.address))
        if len(self._callers) > self.most:
            (most_used, _), *_ = Counter(
                owner.address for owner in self._callers.values()
            ).most_common(1)
            self._drop(self._from(most_used)[0])
        return True

    def belongs(self, name: str, caller: Caller) -> bool:
        """Return whether this name is known and belongs to this user."""
        known = self._callers.get(name)
        return known is not None and known.person == caller.person

    def has(self, name: str) -> bool:
        """Return whether this name is known."""
        return name in self._callers

    def of(self, caller: Caller) -> tuple[list[str], list[str]]:
        """Return this user's names, and the names from this address."""
        own = [name for name, owner in self._callers.items() if owner.person == caller.person]
        return own, self._from(caller.address)

    def _from(self, address: str) -> list[str]:
        return [name for name, owner in self._callers.items() if owner.address == address]

    def _keep(self, most: int, names: list[str]) -> None:
        for name in names[: max(0, len(names) - most)]:
            self._drop(name)

    def _drop(self, name: str) -> None:
        if self._callers.pop(name, None) is not None:
            self._forget(name)
