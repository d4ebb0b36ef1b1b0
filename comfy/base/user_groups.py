"""Groups of users: their workflows, templates, servers, rights and limits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A group, or all groups of a user together. None follows the app's options.

    `workflows`, `templates`: names and patterns. `open`: may open their own workflows; `edit`: may
    edit forms; `publish`: may add workflows for others. `servers`: the names of the servers that
    run their workflows. `waiting`: unfinished runs; `runs`, `paid_runs`: in 24 hours;
    `storage_gb`: size of results. Limits count per user.
    """

    names: tuple[str, ...] = ()
    workflows: Collection[str] = ()
    templates: Collection[str] | None = None
    open: bool | None = None
    edit: bool | None = None
    publish: bool | None = None
    servers: Collection[str] | None = None
    waiting: int | None = None
    runs: int | None = None
    paid_runs: int | None = None
    storage_gb: float | None = None

    def sees(self, workflow: str) -> bool:
        """Return whether a workflow or chain of the folder exists for these users."""
        return _is_named(workflow, self.workflows)

    def sees_template(self, template: str) -> bool:
        return self.templates is None or _is_named(template, self.templates)

    def folder_for(self, name: str) -> str | None:
        """Return the subfolder where a workflow added under this name is seen, "" for the top
        folder; None without any. If the name is taken, it gets a number, so that a pattern is
        needed."""
        if self.sees(name) and self.sees(f"{name}-2"):
            return ""
        below = (one.removesuffix("/*") for one in self.workflows if one.endswith("/*"))
        return next((one for one in below if self.sees(f"{one}/{name}")), None)


# Returns the groups of a run's owner together; None if no group restricts this owner.
GroupOf = Callable[[str], UserGroup | None]
# For users in no group, if there are groups.
OUTSIDER = UserGroup(templates=(), open=False, edit=False, publish=False)


def storage_of(group: UserGroup | None) -> int | None:
    """Return the bytes that a user's groups allow, None for no limit."""
    return None if group is None or group.storage_gb is None else int(group.storage_gb * 1e9)


def no_groups(_owner: str) -> None:
    """Return None: no group restricts any owner."""


def united(groups: Sequence[UserGroup]) -> UserGroup:
    """Return these groups together: every workflow, template and server, each right that one of
    them gives, and the largest of the limits. Groups that leave a key out don't count for it."""
    if not groups:
        return OUTSIDER
    values: dict[str, Any] = {
        one.name: _united([getattr(group, one.name) for group in groups])
        for one in fields(UserGroup)
    }
    return UserGroup(**values)


def _united(values: Sequence[Any]) -> object:
    known = [one for one in values if one is not None]
    if known and isinstance(known[0], Collection):
        return tuple(dict.fromkeys(chain.from_iterable(known)))
    return max(known, default=None)


def _is_named(name: str, patterns: Iterable[str]) -> bool:
    return any(name == one or fnmatchcase(name, one) for one in patterns)
