"""Groups of users: their workflows, templates, servers, rights and limits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypeVar

_Limit = TypeVar("_Limit", int, float)


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


def no_groups(_owner: str) -> None:
    """Return None: no group restricts any owner."""


def united(groups: Sequence[UserGroup]) -> UserGroup:
    """Return these groups together: every workflow, template and server, each right that one of
    them gives, and the largest of the limits. Groups that leave a key out don't count for it."""
    if not groups:
        return OUTSIDER
    return UserGroup(
        tuple(_all(one.names for one in groups)),
        frozenset(_all(one.workflows for one in groups)),
        _union(one.templates for one in groups),
        _any(one.open for one in groups),
        _any(one.edit for one in groups),
        _any(one.publish for one in groups),
        _union(one.servers for one in groups),
        _largest(one.waiting for one in groups),
        _largest(one.runs for one in groups),
        _largest(one.paid_runs for one in groups),
        _largest(one.storage_gb for one in groups),
    )


def _is_named(name: str, patterns: Iterable[str]) -> bool:
    return any(name == one or fnmatchcase(name, one) for one in patterns)


def _all(names: Iterable[Collection[str]]) -> Iterable[str]:
    return (one for some in names for one in some)


def _union(names: Iterable[Collection[str] | None]) -> Collection[str] | None:
    known = [one for one in names if one is not None]
    return frozenset(_all(known)) if known else None


def _any(rights: Iterable[bool | None]) -> bool | None:
    known = [one for one in rights if one is not None]
    return any(known) if known else None


def _largest(limits: Iterable[_Limit | None]) -> _Limit | None:
    return max((one for one in limits if one is not None), default=None)
