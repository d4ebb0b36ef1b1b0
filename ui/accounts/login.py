"""Authenticate a request by cookie, token or trusted proxy header.

Open the sign-in methods that the settings select.
"""

from __future__ import annotations

import contextlib
import operator
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.messages import message, plural
from comfy.base.wording import one_line
from comfy.records.audit import AuditAction
from comfy.records.database import sqlite_address
from ui.accounts.openid_people import OpenIDPerson, OpenIDSettings
from ui.accounts.openid_store import OpenIDPeople
from ui.accounts.store import AccessToken, BrowserSession, GuessCounts, SignInStore, Way, digest_of
from ui.accounts.users import User, UsersFile, refuse_unknown
from ui.settings.folders import COMMAND, SIGN_INS

TOKEN_PREFIX = "comfyforms_"  # secret scanners recognize a token by it
# Words of a token's scope. It opens only the routes that declare one of its words.
PROGRAMS = "programs"  # the APIs of other servers, for their programs
PREVIEWS = "previews"  # also to programs that don't ask for them
_MOST_SESSIONS = 100  # per user; when exceeded, the least recently used one ends
_MOST_GUESTS = 1000
_MOST_TOKENS = 50  # per user
_LONGEST_LABEL = 100
DAY = 24 * 3600.0
_NO_LABEL = message("Give the token a name, for example the name of its script.")


@dataclass(frozen=True, slots=True)
class SessionTimes:
    """Seconds after which a session ends: since the sign-in, and since its browser's last
    request."""

    lasts: float = 30 * DAY
    idle: float = 14 * DAY


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Authenticated user. `name` is unique among users of the same kind, `proof` is stored in their
    session, and `key` identifies the session or token. `scope`: the token's, see `AccessToken`."""

    name: str
    way: Way
    key: str = ""
    proof: str = ""
    by_token: bool = False
    scope: str = ""


@dataclass(frozen=True, slots=True)
class WaysIn:
    """Enabled sign-in methods. `pairs`: names and passwords from the settings. `file`: users with
    hashed passwords. `openid`: users of an OpenID provider. `proxy`: a trusted proxy names users,
    who sign out at `proxy_sign_out` (empty = nowhere). `guests`: the share link lets guests in."""

    pairs: Sequence[tuple[str, str]] = field(default=(), repr=False)
    file: UsersFile | None = None
    openid: OpenIDPeople | None = None
    proxy: bool = False
    proxy_sign_out: str = ""
    guests: bool = False

    @property
    def any(self) -> bool:
        """Return whether users must sign in at all."""
        ways = self.pairs, self.file is not None, self.openid is not None, self.proxy, self.guests
        return any(ways)


class Login:
    """Sign-in methods, and the sessions and tokens of their users. `clock`: seconds since 1970.
    Methods that sign in, end or create something access the disk. The others are for the event
    loop."""

    def __init__(
        self,
        ways: WaysIn,
        secret: bytes,
        store: SignInStore,
        times: SessionTimes,
        clock: Callable[[], float],
    ) -> None:
        self.ways = ways
        self.times = times
        self.clock = clock
        # Records what users do with passwords and tokens: their own with "account".
        self.note: Callable[[SignedIn, str, AuditAction], object] = lambda *_: None
        # Records that a user signed in, and the address.
        self.note_sign_in: Callable[[SignedIn, str], object] = lambda _, __: None
        self._store = store
        self._users: tuple[object, object] = (None, None)  # as `refresh` last found them
        self.guess_counts = GuessCounts(store.database, secret)
        self._pairs = {name: User.of_pair(name, password, secret) for name, password in ways.pairs}
        if ways.guests:
            store.open_share_link()
        else:
            store.end_share_link()

    @property
    def share_link(self) -> str:
        """Return the token of the guests' link; "" if guests aren't let in."""
        return self._store.share_link if self.ways.guests else ""

    @property
    def asks_for_passwords(self) -> bool:
        """Return whether any user signs in with a name and a password."""
        file = self.ways.file
        return bool(self._pairs) or (file is not None and bool(file.users or file.path.exists()))

    def user(self, name: str) -> User | None:
        """Return the password user with this name. The file overrides settings."""
        in_file = self.ways.file.users.get(name) if self.ways.file else None
        return in_file or self._pairs.get(name)

    def knows(self, name: str, *, by_provider: bool) -> bool:
        """Return whether a user with this name may sign in, through the OpenID provider or
        otherwise."""
        if by_provider:
            return self._openid_person(name) is not None
        return self.ways.proxy or self.user(name) is not None

    def refresh(self) -> bool:
        """Reload users and sign-ins if another process has changed them. Return whether any had
        changed, also users by this process: a new role or group may end a right. Any thread may
        call this. Raises SignInStoreError if the sign-ins can't be read, and ComfyError if the
        users can't."""
        file, openid = self.ways.file, self.ways.openid
        try:
            has_changed = self._store.refresh_if_changed()
            if has_changed and openid is not None:
                openid.refresh()
        finally:
            if file is not None:
                file.refresh()
        known, self._users = self._users, (file and file.users, openid and openid.people)
        return has_changed or any(map(operator.is_not, known, self._users))

    def keep(self) -> None:
        """Write the times of last use, and forget what has expired. Call this from time to time."""
        self._store.refresh()
        if self.ways.openid is not None:
            self.ways.openid.refresh()
            self.ways.openid.forget(self.clock() - self.times.lasts)
        self._store.forget_named(self.clock() - self.times.lasts)
        # A process with other settings may know users that this one doesn't.
        every = list(self._store.sessions.values())
        self._end([one for one in every if self._is_expired(one)])

    def by_cookie(self, shown: str) -> SignedIn | None:
        """Return the user of a cookie's session; None if it doesn't exist or has ended."""
        return self.by_session(digest_of(shown))

    def by_session(self, key: str) -> SignedIn | None:
        """Return the user of the session with this `SignedIn.key`, None as above."""
        session = self._store.sessions.get(key)
        if session is None or not self._lasts(session):
            return None
        return SignedIn(session.name, session.way, session.key, session.proof)

    def by_token(self, shown: str) -> SignedIn | None:
        """Return a token's user; None if the token was revoked or never existed."""
        token = self._store.access_tokens.get(digest_of(shown))
        if token is None or not self._holds(token):
            return None
        proof, scope = token.proof, token.scope
        return SignedIn(token.name, token.way, token.key, proof, by_token=True, scope=scope)

    def by_proxy(self, name: str) -> SignedIn | None:
        """Return the user named by a trusted proxy."""
        return SignedIn(name, "proxy") if self.ways.proxy and name else None

    def touch(self, who: SignedIn) -> None:
        """Note that a user made a request."""
        if who.way == "proxy" and not who.by_token:
            self._store.note_named(who.name, self.clock())
        else:
            self._store.touch(who.key, self.clock())

    def password(self, name: str, password: str) -> str | None:
        """Sign a user in and return the cookie's value. Returns None for a wrong name or password,
        both after the same time."""
        user = self.user(name)
        if user is None:
            refuse_unknown(password)
            return None
        if not user.knows(password):
            return None
        return self._begun(name, "password", user.proof)

    def openid(self, person: OpenIDPerson) -> str | None:
        """Sign in a user that the provider just confirmed. Return the cookie's value, or None for a
        user without access."""
        people = self.ways.openid
        if people is None or not people.may_come(person):
            return None
        people.put(person)
        return self._begun(person.id, "openid", "")

    def shown_name(self, who: SignedIn) -> str:
        """Return the displayed name, also of a removed user; empty for a guest, and for a user
        whom the provider hasn't named for long."""
        match who.way:
            case "guest":
                return ""
            case "openid":
                person = self.ways.openid.people.get(who.name) if self.ways.openid else None
                return person.shown if person else ""
            case _:
                return who.name

    def guest(self, link: str) -> str | None:
        """Sign in a guest and return the cookie's value; None unless `link` is the current share
        link."""
        current = self.share_link
        if not current or not secrets.compare_digest(
            link.encode(errors="replace"), current.encode()
        ):
            return None
        guests = [one for one in list(self._store.sessions.values()) if one.way == "guest"]
        self._store.end_sessions(_oldest(guests, _MOST_GUESTS - 1))
        return self._begun(f"guest-{secrets.token_urlsafe(16)}", "guest", digest_of(link))

    def may_sign_out(self, who: SignedIn) -> bool:
        """Return whether signing out has an effect. A proxy names its user again with each
        request."""
        return who.way != "proxy" or bool(self.ways.proxy_sign_out)

    def sign_out_address(self, who: SignedIn, root: str) -> str:
        """Return the URL where a user signs out of the identity provider and then returns to the
        app at `root`; empty without one. Sends a request to the provider."""
        match who.way:
            case "proxy" if not who.by_token:
                return self.ways.proxy_sign_out
            case "openid" if self.ways.openid is not None and not who.by_token:
                from ui.accounts.openid_provider import OpenIDProvider, SignInFailed

                with contextlib.suppress(SignInFailed):
                    return OpenIDProvider(self.ways.openid.settings).sign_out_address(f"{root}/")
        return ""

    def end(self, who: SignedIn) -> None:
        """End the user's current session."""
        if not who.by_token:
            self._end([one for one in self._sessions_of(who) if one.key == who.key])

    def end_all(self, who: SignedIn) -> None:
        """End all of the user's sessions, on every device. Tokens stay valid."""
        self._end(self._sessions_of(who))

    def end_everything(self, name: str) -> None:
        """End all sessions and revoke all tokens of a user with a password or from a proxy."""
        who = SignedIn(name, "password")
        self.end_all(who)
        every = list(self._store.access_tokens.values())
        tokens = [one for one in every if _person(one) == _person(who)]
        self._note_seen([(one, one.used) for one in tokens])
        self._store.end_tokens([one.id for one in tokens])

    def change_password(self, who: SignedIn, password: str) -> None:
        """Change a user's own password, and end their sessions and tokens. Raises ComfyError for a
        short password, or if the user isn't in the users file."""
        if self.ways.file is not None:
            self.ways.file.set_password(who.name, password)
            self.end_everything(who.name)
            self.note(who, message("{person} changed their password.", person=who.name), "account")

    def _end(self, sessions: Sequence[BrowserSession]) -> None:
        self._note_seen([(one, one.seen) for one in sessions])
        self._store.end_sessions([one.key for one in sessions])

    def _note_seen(self, ended: Sequence[tuple[BrowserSession | AccessToken, float]]) -> None:
        """Keep when users with a password were last seen."""
        for one, at in ended:
            if one.way == "password" and at and self.user(one.name) is not None:
                self._store.note_named(one.name, at)

    def last_seen(self) -> dict[tuple[str, str], float]:
        """Return when each user made their last request, in seconds since 1970. The key is the name
        with the way of sign-in, which is "" for passwords and proxies."""
        store = self._store
        seen = {(name, ""): at for name, at in list(store.named.items())}
        for session in list(store.sessions.values()):
            person = _person(session)
            seen[person] = max(seen.get(person, 0.0), session.seen)
        for token in list(store.access_tokens.values()):
            person = _person(token)
            seen[person] = max(seen.get(person, 0.0), token.used)
        return seen

    def setting_names(self) -> list[str]:
        """Return the names of users whose passwords are in the settings, unless the file has
        them."""
        in_file = self.ways.file.users if self.ways.file else {}
        return [name for name in self._pairs if name not in in_file]

    def proxy_names(self) -> list[str]:
        """Return the names of users whom a trusted proxy named lately and who have no password."""
        if not self.ways.proxy:
            return []
        return [name for name in list(self._store.named) if self.user(name) is None]

    def tokens_of(self, who: SignedIn) -> list[AccessToken]:
        """Return the user's tokens, newest first."""
        return [one for one in self.all_tokens() if _person(one) == _person(who)]

    def new_token(self, who: SignedIn, label: str, scope: str = "") -> str:
        """Create a token and return its value, which isn't stored. `scope`: see `AccessToken`.
        Raises ComfyError without a label, or if the user has too many tokens."""
        label = one_line(label)[:_LONGEST_LABEL]
        if not label:
            raise ComfyError(_NO_LABEL)
        shown = TOKEN_PREFIX + secrets.token_urlsafe(32)
        public = secrets.token_urlsafe(8)
        who_for = who.name, who.way, who.proof
        token = AccessToken(digest_of(shown), public, *who_for, label, self.clock(), scope=scope)

        def counts(other: AccessToken) -> bool:
            return _person(other) == _person(who) and self._is_listed(other)

        if not self._store.put_token(token, _MOST_TOKENS, counts):
            raise ComfyError(
                plural("You have {count} token.", "You have {count} tokens.", count=_MOST_TOKENS),
                message("Revoke one that is no longer used."),
            )
        names = {"person": self.shown_name(who), "token": label}
        self.note(who, message("{person} created the token “{token}”.", **names), "account")
        return shown

    def revoke(self, who: SignedIn, token_id: str) -> bool:
        """Revoke one of the user's tokens. Return False if they have no token with this id."""
        own = next((one for one in self.tokens_of(who) if one.id == token_id), None)
        if own is not None:
            self._revoke(who, own)
        return own is not None

    def all_tokens(self) -> list[AccessToken]:
        """Return the tokens of all users, newest first, for administrators, without tokens that
        a change of the password has ended."""
        every = list(self._store.access_tokens.values())
        valid = filter(self._is_listed, every)
        return sorted(valid, key=lambda one: one.made, reverse=True)

    def _is_listed(self, token: AccessToken) -> bool:
        return token.way != "password" or self._holds(token)

    def revoke_any(self, who: SignedIn, token_id: str) -> None:
        """Revoke a token of any user. An unknown id counts as already revoked."""
        for token in self.all_tokens():
            if token.id == token_id:
                self._revoke(who, token)

    def _revoke(self, who: SignedIn, token: AccessToken) -> None:
        self._store.end_token(token.key)
        names = {"person": self.shown_name(who), "token": token.label}
        names["name"] = token_owner(token, self.ways.openid)
        sentence = message("{person} revoked the token “{token}” of {name}.", **names)
        self.note(who, sentence, "account" if _person(who) == _person(token) else "administer")

    def close(self) -> None:
        """Write pending changes: see `SignInStore.close`."""
        self._store.close()

    def _begun(self, name: str, way: Way, proof: str) -> str:
        shown, now = secrets.token_urlsafe(32), self.clock()
        session = BrowserSession(digest_of(shown), name, way, proof, now, now)
        self._store.put_session(session)
        self._store.end_sessions(_oldest(self._sessions_of(session), _MOST_SESSIONS))
        return shown

    def _sessions_of(self, who: SignedIn | BrowserSession) -> list[BrowserSession]:
        every = list(self._store.sessions.values())
        return [one for one in every if _person(one) == _person(who)]

    def _lasts(self, session: BrowserSession) -> bool:
        return not self._is_expired(session) and self._holds(session)

    def _is_expired(self, session: BrowserSession) -> bool:
        now = self.clock()
        return now - session.began >= self.times.lasts or now - session.seen >= self.times.idle

    def _holds(self, shown: BrowserSession | AccessToken) -> bool:
        """Return whether the credentials behind a session or token are unchanged."""
        match shown.way:
            case "password":
                user = self.user(shown.name)
                return user is not None and user.proof == shown.proof
            case "openid":
                return self._openid_person(shown.name) is not None
            case "guest":
                link = self.share_link
                return bool(link) and shown.proof == digest_of(link)
            case "proxy":
                named = self._store.named.get(shown.name, 0.0)
                return self.ways.proxy and self.clock() - named < self.times.lasts

    def _openid_person(self, person_id: str) -> OpenIDPerson | None:
        """Return a user who may still sign in. The provider doesn't report users who leave it, so
        users have to sign in again regularly, also for their tokens."""
        people = self.ways.openid
        person = people.people.get(person_id) if people else None
        if people is None or person is None or not people.may_come(person):
            return None
        return person if self.clock() - person.signed_in < self.times.lasts else None


def token_owner(token: AccessToken, people: OpenIDPeople | None) -> str:
    """Return the name by which administrators know a token's owner."""
    if token.way != "openid":
        return token.name
    person = people.people.get(token.name) if people else None
    return person.account if person else "?"


def _oldest(sessions: Sequence[BrowserSession], most: int) -> list[str]:
    """Return the keys of the excess sessions, the least recently used ones."""
    by_use = sorted(sessions, key=lambda one: one.seen, reverse=True)
    return [one.key for one in by_use[most:]]


def _person(who: SignedIn | BrowserSession | AccessToken) -> tuple[str, str]:
    """Return a user's identity. Users with a password or from a proxy share one namespace; guests
    and OpenID users have their own."""
    return who.name, who.way if who.way in ("guest", "openid") else ""


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


def opened_users(path: Path, *, asked: bool, others: bool) -> UsersFile | None:
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
