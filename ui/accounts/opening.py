"""How people sign in as the operator has it, and what lets them in then."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from comfy.base.errors import ComfyError
from ui.accounts.login import Login, SessionTimes, WaysIn
from ui.accounts.openid_people import OpenIDPeople, OpenIDSettings
from ui.accounts.store import SignInStore
from ui.accounts.users import UsersFile
from ui.settings.folders import COMMAND


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """How people sign in, beside names and passwords that are settings. `file`: where people with
    hashed passwords are. `kept`: the file for sessions and tokens; None = they end with the app.
    `share_link`: a link lets guests in. `user_header`: in which header a trusted proxy names
    people, "" = in none; `sign_out_address`: where those sign out, "" = nowhere. `openid`: those
    whom a provider signs in; whoever opened it closes it. `clock`: seconds since 1970."""

    file: UsersFile | None = None
    kept: Path | None = None
    times: SessionTimes = field(default_factory=SessionTimes)
    share_link: bool = False
    user_header: str = ""
    sign_out_address: str = ""
    openid: OpenIDPeople | None = None
    clock: Callable[[], float] = time.time

    def ways(self, pairs: Sequence[tuple[str, str]]) -> WaysIn:
        """Which ways in are open, with these names and passwords beside them."""
        return WaysIn(
            pairs,
            self.file,
            self.openid,
            proxy=bool(self.user_header),
            proxy_sign_out=self.sign_out_address,
            guests=self.share_link,
        )

    def open(self, pairs: Sequence[tuple[str, str]], secret: bytes) -> Login | None:
        """What lets people in, None where nobody has to sign in. ComfyError where a file that it
        needs cannot be used."""
        ways = self.ways(pairs)
        if not ways.any:
            return None
        login = Login(ways, secret, SignInStore(self.kept), self.times, self.clock)
        login.refresh()
        return login


def opened_users(path: Path, *, asked: bool) -> UsersFile | None:
    """The people in this file, None where there is no such file. ComfyError where it cannot be
    read, and where it was `asked` for and is not there."""
    if not path.exists():
        if asked:
            raise ComfyError(f"There is no file {path}.", f"Make it: {COMMAND} user add NAME")
        return None
    file = UsersFile(path)
    file.refresh()
    return file


@contextlib.contextmanager
def opened_people(settings: OpenIDSettings | None, kept: Path) -> Iterator[OpenIDPeople | None]:
    """Those whom an OpenID provider signs in, from this file, until the end; None where there is no
    provider. ComfyError where the file cannot be used."""
    if settings is None:
        yield None
        return
    with contextlib.closing(OpenIDPeople(settings, kept)) as people:
        yield people
