"""`python app.py token …`: lists and revokes the tokens of all users."""

from __future__ import annotations

import contextlib
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from comfy.base.errors import ComfyError
from ui.settings.arguments import USAGE_ERROR, read_settings
from ui.settings.folders import PROGRAM, SIGN_INS
from ui.settings.options import Settings

if TYPE_CHECKING:
    from ui.accounts.store import SignInStore

_ALSO = "The app's options name the folder: --data DIR, --config FILE."


def change_tokens(arguments: Sequence[str]) -> int:
    """Run the command in the arguments after `token`, and print its result. Return the exit code:
    0, or 2 with a message on failure."""
    known, rest = _parser().parse_known_args(arguments)
    try:
        print(_done(known, read_settings(rest, serves=False)))
    except ComfyError as problem:
        print(f"{PROGRAM} token: {problem} {problem.hint}", file=sys.stderr)
        return USAGE_ERROR
    return 0


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        f"{PROGRAM} token",
        description="List and revoke the access tokens of all users.",
        epilog=_ALSO,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser(
        "list", help="list each token's id, owner, name, creation and last use", epilog=_ALSO
    )
    revoke = actions.add_parser("revoke", help="revoke a token immediately", epilog=_ALSO)
    revoke.add_argument("id", metavar="ID", help="id from `list`")
    return parser


def _done(known: Namespace, settings: Settings) -> str:
    # These imports take time, and the app imports this file at its start.
    from ui.accounts.opening import sign_in_address
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
    from ui.accounts.login import token_owner
    from ui.accounts.opening import opened_people

    with opened_people(settings.openid, address) as people:
        return "\n".join(
            f"{one.id}\t{token_owner(one, people)}\t{one.label}\tcreated {_day(one.made)}\t"
            + (f"used {_day(one.used)}" if one.used else "never used")
            for one in sorted(store.access_tokens.values(), key=lambda one: one.made)
        )


def _day(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
