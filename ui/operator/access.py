"""Recognition of administrators by their requests."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import HTTPException, Request
from starlette.requests import HTTPConnection

from comfy.comfyui.client.address import is_loopback
from comfy.library.permissions import Permissions
from ui.web.identity import Identity


@dataclass(frozen=True, slots=True)
class OperatorAccess:
    """Check for administrators, who are named in the settings or the users file. Without sign-in,
    every caller on this machine is an administrator if no other machine can reach the app."""

    permissions: Permissions
    identity: Identity

    def permits(self, request: HTTPConnection) -> bool:
        """Return whether the caller is an administrator."""
        owner = self.identity.owner(request)
        if owner is None or not self.permissions.operates(owner):
            return False
        return self.identity.login is not None or _from_here(request)

    async def only(self, request: Request) -> None:
        """Require an administrator (route dependency). Raises 401 without a user and for another
        site's page, otherwise 404, as for an unknown route."""
        await self.identity.caller(request)
        if not self.permits(request):
            raise HTTPException(404)


def _from_here(request: HTTPConnection) -> bool:
    """Return whether the request comes from this machine. Requests through a trusted proxy have
    their visitor's address."""
    return request.client is not None and is_loopback(request.client.host)
