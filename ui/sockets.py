"""What the browser's sockets have in common."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from ui.identity import Identity

UNKNOWN_WORD = 1003  # close code: the browser said something that has no meaning here
NO_LOGIN = 4401  # close code: the page asks for a login, which has ended or was never there
GONE = 4404  # close code: no such run for this person


async def welcome(socket: WebSocket, identity: Identity) -> str | None:
    """Accept a socket of a page of ours and tell whose it is; None where it has been sent away."""
    if not identity.same_origin(socket):
        await socket.close()  # before it is accepted, this is HTTP's 403
        return None
    await socket.accept()
    owner = identity.owner(socket)
    if owner is None:
        await socket.close(NO_LOGIN)
    return owner


async def until_one_ends(*jobs: Coroutine[Any, Any, None]) -> None:
    """Run jobs side by side until the first is at its end; that the browser has left is none."""
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
