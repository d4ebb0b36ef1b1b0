"""Checks of passwords: one after another, with a back-off after wrong ones."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from fastapi import Request
from fastapi.responses import Response

from comfy.base.messages import message, plural
from ui.accounts.database import SignInStoreError
from ui.web.addresses import client_address
from ui.web.guesses import Guesses, HashingTurns, PasswordAttempt
from ui.web.identity import Identity
from ui.web.responses import TOO_MANY_REQUESTS

WRONG_LOGIN = 400  # status of the page after a failure
# Seconds before the answer to a wrong password, so that its timing doesn't reveal which names
# exist.
_WRONG_PASSWORD = 1.0
_WRONG = message("Wrong username or password.")
_WRONG_CURRENT = message("The current password is wrong.")


class SignInRefused(Exception):
    """Refused sign-in, with the message and `status` of its answer."""

    def __init__(self, sentence: str, status: int = WRONG_LOGIN) -> None:
        super().__init__(sentence)
        self.status = status


class Passwords:
    """Checker of passwords that takes attempts in turns, with a back-off."""

    def __init__(self, identity: Identity, guesses: Guesses) -> None:
        self._identity = identity
        self._guesses = guesses
        self._turns = HashingTurns()

    def attempt(self, request: Request, name: str) -> PasswordAttempt:
        proof = self._proof(name)
        cookies = self._identity.cookies
        browser = cookies.known_browser(request, name, proof) if proof else ""
        return PasswordAttempt(name, client_address(request.scope), browser, bool(proof))

    async def session(self, attempt: PasswordAttempt, password: str) -> str:
        """Return the cookie value of the new session. Raises SignInRefused, or SignInStoreError if
        the password was correct."""
        login = self._identity.login
        if login is None:
            raise SignInRefused(_WRONG)
        return await self._checked(attempt, partial(login.password, attempt.name, password), _WRONG)

    async def check(self, attempt: PasswordAttempt, password: str) -> None:
        """Raise SignInRefused unless this is the current password of a signed-in user."""
        login = self._identity.login
        user = login.user(attempt.name) if login else None
        if user is None:
            raise SignInRefused(_WRONG_CURRENT)

        def is_right() -> str | None:
            return "right" if user.knows(password) else None

        await self._checked(replace(attempt, is_sign_in=False), is_right, _WRONG_CURRENT)

    async def _checked(
        self, attempt: PasswordAttempt, hashed: Callable[[], str | None], wrong: str
    ) -> str:
        """Return the result of `hashed`, which returns None for a wrong password, in its turn and
        with the back-off."""
        since, now = time.monotonic(), time.time()
        with self._turns.place(attempt) as admitted:
            if not admitted:
                raise SignInRefused(TOO_MANY_REQUESTS, 429)
            if wait := self._guesses.attempt(attempt, now):
                raise SignInRefused(_later(wait))
            async with self._turns.turn(attempt):
                began = time.monotonic()
                try:
                    async with self._turns.hashing:
                        if wait := await self._guesses.wait_elsewhere(attempt, now):
                            raise SignInRefused(_later(wait))
                        shown = await asyncio.to_thread(hashed)
                        if shown is not None:
                            await self._guesses.save_right(attempt)
                            return shown
                        await self._guesses.save_wrong(attempt, now)
                except SignInStoreError:
                    self._guesses.right(attempt)
                    raise
                pause = self._guesses.pause(attempt, time.time())
                await asyncio.sleep(began + pause - time.monotonic())
        await asyncio.sleep(since + _WRONG_PASSWORD - time.monotonic())
        raise SignInRefused(wrong)

    def make_known(self, attempt: PasswordAttempt, request: Request, answer: Response) -> None:
        """Give the browser a cookie, so that the user's next sign-in comes from a known browser."""
        proof = self._proof(attempt.name)
        if proof and not attempt.browser:
            cookie = self._identity.cookies.new_known_browser(request, attempt.name, proof)
            answer.headers.append("set-cookie", cookie)

    def _proof(self, name: str) -> str:
        user = self._identity.login.user(name) if self._identity.login else None
        return user.proof if user else ""


def _later(wait: float) -> str:
    return plural(
        "Too many wrong passwords. Try again in {count} second.",
        "Too many wrong passwords. Try again in {count} seconds.",
        count=math.ceil(wait),
    )
