"""Who made which of Gradio's sessions and calls: nobody else may use them, and nobody may have them
all."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable

from ui.web.shares import Caller


class Owners:
    """Names and the callers they belong to. At most `most` in all, and so many of one person and
    from one address.

    One more takes the place of that which was used longest ago: the person's own, else the
    address's, else one from the address that has most. `forget` is called with each name that goes.
    For one thread, as the event loop's.
    """

    def __init__(self, most: int, person: int, address: int, forget: Callable[[str], None]) -> None:
        self.most = most
        self.person = person
        self.address = address
        self._forget = forget
        self._callers: OrderedDict[str, Caller] = OrderedDict()  # the one used longest ago first

    def claim(self, name: str, caller: Caller) -> bool:
        """Note that a caller uses a name, which is theirs from the first time on; False if it is
        somebody else's."""
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
        """Whether this name is known and this person's."""
        known = self._callers.get(name)
        return known is not None and known.person == caller.person

    def has(self, name: str) -> bool:
        """Whether this name is known, whoever's it is."""
        return name in self._callers

    def of(self, caller: Caller) -> tuple[list[str], list[str]]:
        """The names of this person, and those from this address."""
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
