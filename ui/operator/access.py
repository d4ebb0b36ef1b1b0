"""Who is an operator, as requests tell."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import HTTPException, Request
from starlette.requests import HTTPConnection

from comfy.comfyui.client.address import is_loopback
from comfy.library.permissions import Permissions
from ui.web.identity import Identity


@dataclass(frozen=True, slots=True)
class OperatorAccess:
    """Operators are those whom the settings or the file of users name. Where nobody has to sign in
    it is whoever asks from this machine, if no other can reach the app."""

    permissions: Permissions
    identity: Identity

    def permits(self, request: HTTPConnection) -> bool:
        """Whether an operator asks."""
        owner = self.identity.owner(request)
        if owner is None or not self.permissions.operates(owner):
            return False
        return self.identity.login is not None or _from_here(request)

    async def only(self, request: Request) -> None:
        """That an operator asks, as what a route depends on: 401 for nobody and for a page of
        another site, 404 for everybody else, as where there is nothing."""
        await self.identity.caller(request)
        if not self.permits(request):
            raise HTTPException(404)


def _from_here(request: HTTPConnection) -> bool:
    """A proxy on this machine has named its visitor, who need not be here."""
    return request.client is not None and is_loopback(request.client.host)
