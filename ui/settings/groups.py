"""Groups of users, from `[[group]]` in the file of `--config`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from comfy.base.user_groups import UserGroup
from ui.settings.named_servers import OWN
from ui.settings.setting_values import PeopleRules, PerDay, Words

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]


class GroupTable(BaseModel):
    """A group. `members`: rules as for `--openid-allow`, which also hold for names of the users
    file and of a proxy. The other keys: see `UserGroup`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: _Name
    members: PeopleRules
    workflows: Words = ()
    templates: Words | None = None
    open: bool | None = None
    edit: bool | None = None
    publish: bool | None = None
    servers: Words | None = None
    waiting: Annotated[int, Field(ge=1)] | None = None
    runs: PerDay | None = None
    paid_runs: PerDay | None = None
    storage_gb: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @property
    def group(self) -> UserGroup:
        return UserGroup((self.name,), **self.model_dump(exclude={"name", "members"}))


def group_tables(value: object) -> object:
    """Return the tables. Raises an error for a single table, and for a text."""
    if isinstance(value, dict | str):
        raise PydanticCustomError(OWN, "write [[group]] above each group, with double brackets.")
    return value


def group_problems(groups: Sequence[GroupTable], servers: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each contradiction. `servers`: the names of the servers."""
    names = [one.name for one in groups]
    if len(set(names)) < len(names):
        yield "group: Two groups have the same name. Give each group its own name."
    for one in groups:
        for name in one.servers or ():
            if name not in servers:
                yield f"group: {one.name!a} names the unknown server {name!a}. Use a server's name."
