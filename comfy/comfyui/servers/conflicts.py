"""Conflicting choices: explain why no single server can run a prompt, although each part is on some
server."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

from comfy.base.messages import listed, message, sentences
from comfy.base.wording import quoted, short
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.servers.needs import Lack, Needs
from comfy.prompt.model import InputRef

_MOST_NAMED = 3  # choices that one sentence names

# The key of the field that sets the value, and the value or node class.
_Item = tuple[str | None, str]


class ChoiceField(Protocol):
    """A form field with a list of choices."""

    @property
    def key(self) -> str:
        """Return the field's key."""

    @property
    def choices(self) -> tuple[tuple[str, Any], ...] | None:
        """Return the choices, as labels with their values."""

    @property
    def targets(self) -> tuple[InputRef, ...]:
        """Return the prompt inputs that the field sets."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A choice or node class that no server has together with `others`.

    `key`: the field that sets it, None if no field does. `instead`: alternatives in that field that
    work if all else stays. `servers`: the names of the servers that have it.
    """

    key: str | None
    said: str
    others: tuple[str, ...]
    instead: tuple[str, ...]
    servers: tuple[str, ...]

    def sentence(self, *, named: bool) -> str:
        """Return the message for a user. `named`: users may see server names."""
        return sentences(
            message(
                "No server has both “{choice}” and {others}.",
                choice=short(self.said),
                others=_quoted(self.others),
            ),
            self._told_instead(),
            message(
                "“{choice}” is on {servers}.", choice=short(self.said), servers=listed(self.servers)
            )
            if named
            else "",
        )

    def _told_instead(self) -> str:
        if not self.instead:
            return ""
        choices = _quoted(self.instead)
        if len(self.instead) > _MOST_NAMED:
            choices = listed([choices, "…"])
        return message("Choose one of these instead: {choices}.", choices=choices)


def conflicts(
    needs: Needs, fields: Collection[ChoiceField], servers: Mapping[str, Catalog]
) -> tuple[Conflict, ...]:
    """Return the reasons why none of these servers, by name, can run a prompt. Return () if one of
    them can, or if a part is on no server, since another choice wouldn't help then.

    `fields`: the fields with choices. If another choice in one of them would help, only those
    conflicts are returned.
    """
    labels: dict[str | None, dict[Any, str]] = {
        one.key: {value: label for label, value in one.choices or ()} for one in fields
    }
    keys = {target: one.key for one in fields for target in one.targets}
    lacking = {name: _items(needs.lacking(nodes), keys) for name, nodes in servers.items()}
    everything = [frozenset(items) for items in lacking.values()]
    if not all(everything) or frozenset.intersection(*everything):
        return ()
    wanted = dict.fromkeys(chain.from_iterable(lacking.values()))
    reasons = tuple(_conflict(one, lacking, labels) for one in wanted)
    return tuple(one for one in reasons if one.instead) or reasons


def _items(lacking: Iterable[Lack], keys: Mapping[InputRef, str]) -> dict[_Item, tuple[str, ...]]:
    """Return the parts that a server lacks, with the alternatives it offers."""
    return {
        (keys.get(lack.place) if lack.place else None, lack.name): lack.offered for lack in lacking
    }


def _conflict(
    item: _Item,
    lacking: Mapping[str, Mapping[_Item, tuple[str, ...]]],
    labels: Mapping[str | None, Mapping[Any, str]],
) -> Conflict:
    key, _ = item
    having = {name: lacks for name, lacks in lacking.items() if item not in lacks}
    others = min(having.values(), key=len)
    offered = chain.from_iterable(
        lacks[item] for lacks in lacking.values() if lacks.keys() == {item}
    )
    own = labels.get(key, {})
    return Conflict(
        key,
        _label(item, labels),
        tuple(_label(one, labels) for one in others),
        tuple(own[one] for one in dict.fromkeys(offered) if one in own),
        tuple(having),
    )


def _label(item: _Item, labels: Mapping[str | None, Mapping[Any, str]]) -> str:
    key, name = item
    return labels.get(key, {}).get(name, name)


def _quoted(names: tuple[str, ...]) -> str:
    return listed(quoted(short(one)) for one in names[:_MOST_NAMED])
