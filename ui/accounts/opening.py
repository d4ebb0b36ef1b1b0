"""Open the sign-in methods that the settings select."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.records.database import sqlite_address
from ui.accounts.login import Login, SessionTimes, WaysIn
from ui.accounts.openid_people import OpenIDSettings
from ui.accounts.openid_store import OpenIDPeople
from ui.accounts.store import SignInStore
from ui.accounts.users import UsersFile
from ui.settings.folders import COMMAND, SIGN_INS


@dataclass(frozen=True, slots=True)
class SignInSettings:
    """Sign-in methods other than names and passwords in the settings. `file`: users with hashed
    passwords. `kept`: the SQLAlchemy URL of the database for sessions and tokens; None = they end
    with the app. `share_link`: a link lets guests in. `user_header`: the header with a trusted
    proxy's user (empty = none). `sign_out_address`: where the proxy's users sign out (empty =
    nowhere). `openid`: a provider's users; its opener closes it. `clock`: seconds since 1970."""

    file: UsersFile | None = None
    kept: str | None = None
    times: SessionTimes = field(default_factory=SessionTimes)
    share_link: bool = False
    user_header: str = ""
    sign_out_address: str = ""
    openid: OpenIDPeople | None = None
    clock: Callable[[], float] = time.time

    def ways(self, pairs: Sequence[tuple[str, str]]) -> WaysIn:
        """Return the enabled sign-in methods, including these names and passwords."""
        return WaysIn(
            pairs,
            self.file,
            self.openid,
            proxy=bool(self.user_header),
            proxy_sign_out=self.sign_out_address,
            guests=self.share_link,
        )

    def open(self, pairs: Sequence[tuple[str, str]], secret: bytes) -> Login | None:
        """Return the login; None if sign-in is off. Raises ComfyError if a required file can't be
        used."""
        ways = self.ways(pairs)
        if not ways.any:
            return None
        login = Login(ways, secret, SignInStore(self.kept), self.times, self.clock)
        login.refresh()
        return login


def sign_in_address(database: str, data: Path) -> str:
    """Return the SQLAlchemy URL of the sign-ins: the history's `database` if it is on a server,
    otherwise a file in the data folder."""
    is_file = not database or database.startswith("sqlite")
    return sqlite_address(data, SIGN_INS) if is_file else database


def opened_users(path: Path, *, asked: bool, others: bool = False) -> UsersFile | None:
    """Return the users in this file; None if it doesn't exist. If `others` sign in some other way,
    return an empty list then, to which administrators can add users.

    Raises ComfyError if the file can't be read, or if it was `asked` for and is missing."""
    if not path.exists():
        if asked:
            raise ComfyError(
                f"There is no file {path}.", f"Create it with: {COMMAND} user add NAME"
            )
        return UsersFile(path) if others else None
    file = UsersFile(path)
    file.refresh()
    return file


@contextlib.contextmanager
def opened_people(settings: OpenIDSettings | None, kept: str) -> Iterator[OpenIDPeople | None]:
    """Yield an OpenID provider's users from the database at this SQLAlchemy URL; None without a
    provider. Raises ComfyError if it can't be used."""
    if settings is None:
        yield None
        return
    with contextlib.closing(OpenIDPeople(settings, kept)) as people:
        yield people
