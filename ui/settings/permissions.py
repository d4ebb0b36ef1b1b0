"""The users' permissions for workflows, from the settings."""

from __future__ import annotations

from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.library.permissions import Permissions
from ui.accounts.openid import OpenIDPeople
from ui.accounts.users import UsersFile
from ui.settings.options import Settings
from ui.settings.setting_values import Permission


def permissions_of(
    settings: Settings, users: UsersFile | None, openid: OpenIDPeople | None = None
) -> Permissions:
    """Return the permissions in the settings; `users` and `openid` may have more administrators.
    Raises ComfyError if the list of node classes is unreadable or empty."""
    signs_in = settings.pairs or users or openid or settings.share_link == "yes"
    alone = settings.only_this_machine and not signs_in
    named = {f"user:{name}" for name in settings.operators}

    def may(permission: Permission, owner: str) -> bool:
        match permission:
            case "auto":
                return settings.only_this_machine
            case "operators":
                kind, _, name = owner.partition(":")
                in_file = kind == "user" and users is not None and users.role(name) == "operator"
                at_provider = kind == "openid" and openid is not None and openid.operates(name)
                return in_file or at_provider or owner in named
            case word:
                return word == "yes"

    def keep(owner: str) -> bool:
        return may(settings.keep, owner)

    def trusts(owner: str) -> bool:
        return keep(owner) and (alone or may("operators", owner))

    def operates(owner: str) -> bool:
        return alone or may("operators", owner)

    nodes = read_node_classes(settings.open_nodes) if settings.open_nodes else None
    return Permissions(
        open=lambda owner: may(settings.open, owner),
        gallery=lambda owner: may(settings.gallery or settings.open, owner),
        keep=keep,
        trusts=trusts,
        operates=operates,
        nodes=nodes,
    )


def read_node_classes(path: Path) -> frozenset[str]:
    """Return the node classes in a file, one per line; `#` starts a comment. Raises ComfyError if
    the file is unreadable or empty."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ComfyError(
            f"--open-nodes: {path} cannot be read.", "Use a text file with one class per line."
        ) from error
    nodes = frozenset(name for line in lines if (name := line.partition("#")[0].strip()))
    if not nodes:
        raise ComfyError(
            f"--open-nodes: {path} contains no node class.",
            "Write one class per line, as in the API format.",
        )
    return nodes
