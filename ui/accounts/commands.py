"""`python app.py token …` lists and revokes the tokens of all users. `python app.py user …` adds,
lists and removes users, and changes their passwords."""

from __future__ import annotations

import contextlib
import getpass
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from comfy.base.errors import ComfyError
from ui.accounts.users import UsersFile
from ui.settings.arguments import read_settings, reported
from ui.settings.folders import PROGRAM, SIGN_INS
from ui.settings.options import Settings

if TYPE_CHECKING:
    from ui.accounts.store import SignInStore

_TOKENS_ALSO = "The app's options name the folder: --data DIR, --config FILE."
_USERS_ALSO = "The app's options name the file: --data DIR, --users FILE, --config FILE."


def change_tokens(arguments: Sequence[str]) -> int:
    """Run the command in the arguments after `token`, and print its result. Return the exit code:
    0, or 2 with a message on failure."""
    known, rest = _token_parser().parse_known_args(arguments)
    return reported("token", lambda: _done(known, read_settings(rest, serves=False)))


def _token_parser() -> ArgumentParser:
    parser = ArgumentParser(
        f"{PROGRAM} token",
        description="List and revoke the access tokens of all users.",
        epilog=_TOKENS_ALSO,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser(
        "list", help="list each token's id, owner, name, creation and last use", epilog=_TOKENS_ALSO
    )
    revoke = actions.add_parser("revoke", help="revoke a token immediately", epilog=_TOKENS_ALSO)
    revoke.add_argument("id", metavar="ID", help="id from `list`")
    return parser


def _done(known: Namespace, settings: Settings) -> str:
    # These imports take time, and the app imports this file at its start.
    from ui.accounts.login import sign_in_address
    from ui.accounts.store import SignInStore

    data = settings.data.absolute()
    database = settings.database.get_secret_value() if settings.database else ""
    address = sign_in_address(database, data)
    path = data / SIGN_INS
    if address != database and not path.exists():
        raise ComfyError(f"There is no file {path}.", "Set the app's folder with --data.")
    with contextlib.closing(SignInStore(address)) as store:
        if known.action == "list":
            return _listed(store, settings, address)
        if not store.end_tokens([known.id]):
            raise ComfyError(
                f"There is no token {known.id}.", f"List the tokens with: {PROGRAM} token list"
            )
        return f"Revoked token {known.id}."


def _listed(store: SignInStore, settings: Settings, address: str) -> str:
    from ui.accounts.login import opened_people, token_owner

    with opened_people(settings.openid, address) as people:
        return "\n".join(
            f"{one.id}\t{token_owner(one, people)}\t{one.label}\tcreated {_day(one.made)}\t"
            + (f"used {_day(one.used)}" if one.used else "never used")
            for one in sorted(store.access_tokens.values(), key=lambda one: one.made)
        )


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"


def change_users(arguments: Sequence[str]) -> int:
    """Run the command in the arguments after `user`, and print its result. Return the exit code: 0,
    or 2 with a message on failure."""
    known, rest = _user_parser().parse_known_args(arguments)
    file = UsersFile(read_settings(rest, serves=False).users_path)

    def done() -> str:
        file.refresh()
        return _ACTIONS[known.action](file, known)

    return reported("user", done)


def _user_parser() -> ArgumentParser:
    parser = ArgumentParser(
        f"{PROGRAM} user",
        description="Manage the users in the users file, which stores hashed passwords.",
        epilog=_USERS_ALSO,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a user; asks for a password", epilog=_USERS_ALSO)
    add.add_argument("--operator", action="store_true", help="make the user an administrator")
    password = actions.add_parser("password", help="change a user's password", epilog=_USERS_ALSO)
    for command in (add, password):
        command.add_argument(
            "--password-file",
            metavar="FILE",
            type=Path,
            help="file whose first line is the password",
        )
    remove = actions.add_parser(
        "remove", help="remove a user and sign them out", epilog=_USERS_ALSO
    )
    groups = actions.add_parser(
        "groups", help="put a user in these groups and no others", epilog=_USERS_ALSO
    )
    for command in (add, password, remove, groups):
        command.add_argument("name", metavar="NAME")
    groups.add_argument("groups", metavar="GROUP", nargs="*", help="name of a group")
    actions.add_parser("list", help="list the users", epilog=_USERS_ALSO)
    return parser


def _add(file: UsersFile, known: Namespace) -> str:
    was_empty = not file.path.exists()
    file.add(known.name, _password(known), "operator" if known.operator else "user")
    sentence = f"Added {known.name}."
    return (
        f"{sentence} Restart the app: from then on, all users must sign in."
        if was_empty
        else sentence
    )


def _set_password(file: UsersFile, known: Namespace) -> str:
    file.set_password(known.name, _password(known))
    return (
        f"Changed the password of {known.name}. Their sessions and tokens have ended: they must"
        " sign in again and create new tokens."
    )


def _remove(file: UsersFile, known: Namespace) -> str:
    file.remove(known.name)
    sentence = (
        f"Removed {known.name}. Their runs and results are kept, and belong to the next user who"
        " is added with this name."
    )
    return sentence if file.users else f"{sentence} {file.path} has no more users."


def _set_groups(file: UsersFile, known: Namespace) -> str:
    file.set_groups(known.name, known.groups)
    named = ", ".join(file.users[known.name].groups)
    return f"{known.name} is in {named}." if named else f"{known.name} is in no group."


def _list(file: UsersFile, _: Namespace) -> str:
    return "\n".join(
        f"{user.name}\t{user.role}\tadded {datetime.fromtimestamp(user.added, UTC):%Y-%m-%d}"
        + "".join(f"\tin {group}" for group in user.groups)
        for user in sorted(file.users.values(), key=lambda user: user.name)
    )


_ACTIONS: Mapping[str, Callable[[UsersFile, Namespace], str]] = {
    "add": _add,
    "password": _set_password,
    "remove": _remove,
    "groups": _set_groups,
    "list": _list,
}


def _password(known: Namespace) -> str:
    """Return the password: the first line of a file or of stdin, otherwise typed without echo."""
    if known.password_file is not None:
        try:
            return _first_line(known.password_file.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError) as error:
            raise ComfyError(
                f"The file {known.password_file} cannot be read.", "Use a text file."
            ) from error
    if not sys.stdin.isatty():
        return _first_line(sys.stdin.readline())
    typed = getpass.getpass(f"Password for {known.name}: ")
    if getpass.getpass("Repeat the password: ") != typed:
        raise ComfyError("The passwords don't match.", "Try again.")
    return typed


def _first_line(text: str) -> str:
    return (text.splitlines() or [""])[0]
