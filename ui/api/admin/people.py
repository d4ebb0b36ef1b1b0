"""Users: list, add and remove them, and change their passwords and roles."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Body, Depends
from starlette.requests import Request
from starlette.responses import Response

from ui.accounts.users import Role
from ui.administration.announcements import Actor
from ui.administration.desk import Administration
from ui.administration.people import NewPassword, PersonRow
from ui.web.access import Access, GuardedRoutes
from ui.web.responses import AsciiJSON

_Password = Annotated[str, Body(embed=True, max_length=1000)]


@dataclass(frozen=True, slots=True)
class PeopleDoc:
    """All users, then guests and removed users with results. `can_change`: users can be added and
    removed here."""

    people: tuple[PersonRow, ...]
    can_change: bool


def people_api(desk: Administration) -> GuardedRoutes:
    """Return the routes below `/admin/people`."""
    routes = GuardedRoutes("/admin/people", tags=["Administration"])
    people, end_sockets = desk.people, desk.identity.close_ended

    def actor(request: Request) -> Actor:
        return desk.actor(request)

    @routes.get("", Access.ADMINISTRATOR, response_model=PeopleDoc)
    def listed() -> AsciiJSON:
        """Return all users, with their storage and their runs of the last seven days."""
        return AsciiJSON(PeopleDoc(tuple(people.all()), people.can_change))

    @routes.post("", Access.ADMINISTRATOR, status_code=201, response_model=NewPassword)
    def add(
        name: Annotated[str, Body()],
        password: Annotated[str, Body(max_length=1000)] = "",
        role: Annotated[Role, Body()] = "user",
        actor: Actor = Depends(actor),
    ) -> AsciiJSON:
        """Add a user.

        Without a `password`, the app generates one and returns it only now.
        """
        return AsciiJSON(people.add(actor, name, password, role), 201)

    @routes.patch("/{name:path}", Access.ADMINISTRATOR, status_code=204)
    def change(
        name: str, role: Annotated[Role, Body(embed=True)], actor: Actor = Depends(actor)
    ) -> Response:
        """Make a user an administrator (`operator`) or a `user`."""
        people.set_role(actor, name, role)
        return Response(status_code=204)

    @routes.post("/{name:path}/password", Access.ADMINISTRATOR, response_model=NewPassword)
    async def reset(
        name: str, password: _Password = "", actor: Actor = Depends(actor)
    ) -> AsciiJSON:
        """Set a user's password, and end their sessions and tokens.

        Without a `password`, the app generates one and returns it only now.
        """
        answer = await asyncio.to_thread(people.reset, actor, name, password)
        await end_sockets()
        return AsciiJSON(answer)

    @routes.delete("/{name:path}", Access.ADMINISTRATOR, status_code=204)
    async def remove(
        name: str, results: Literal["keep", "delete"] = "keep", actor: Actor = Depends(actor)
    ) -> Response:
        """Remove a user, and end their sessions and tokens at once.

        Their results are kept unless `results=delete`. For a user who was removed earlier,
        `results=delete` deletes the results.
        """
        await asyncio.to_thread(people.remove, actor, name, results=results == "delete")
        await end_sockets()
        return Response(status_code=204)

    return routes
