"""Settings for serving the app: addresses, users, their permissions for workflows, and proxies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from pydantic import BaseModel

from comfy.base.errors import ComfyError
from comfy.base.user_groups import UserGroup, united
from comfy.comfyui.client.address import is_loopback
from comfy.library.permissions import Permissions
from ui.accounts.login import SignInSettings
from ui.accounts.openid_people import OpenIDPerson, fits
from ui.accounts.openid_store import OpenIDPeople
from ui.accounts.users import UsersFile
from ui.brand import Brand
from ui.languages.catalogs import Languages
from ui.settings.groups import GroupTable
from ui.settings.options import Settings
from ui.settings.setting_values import Permission
from ui.settings.start_lines import Reach, is_contained
from ui.web.identity import Identity

HUGGING_FACE = "https://huggingface.co"  # any user's pages are below hf.space
_NEXT_DOOR = ("127.0.0.1", "::1")  # proxies on this machine


def permissions_of(
    settings: Settings, users: UsersFile | None, openid: OpenIDPeople | None = None
) -> Permissions:
    """Return the permissions in the settings; `users` and `openid` may have more administrators.
    Groups don't restrict administrators. Raises ComfyError if the list of node classes is
    unreadable or empty."""
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

    tables = settings.group

    def group(owner: str) -> UserGroup | None:
        return None if not tables or operates(owner) else group_of(tables, owner, users, openid)

    def has(right: str, owner: str, permission: Permission) -> bool:
        """Return whether a group gives the right; without a group that decides, the option does."""
        own = group(owner)
        given = None if own is None else getattr(own, right)
        return may(permission, owner) if given is None else bool(given)

    def keep(owner: str) -> bool:
        return has("publish", owner, settings.keep)

    def trusts(owner: str) -> bool:
        return keep(owner) and (alone or may("operators", owner))

    def operates(owner: str) -> bool:
        return alone or may("operators", owner)

    def accounts() -> dict[str, str]:
        names = (*dict(settings.pairs), *(users.users if users else ()), *settings.operators)
        known = openid.people if openid else {}
        shown = {f"openid:{key}": person.shown for key, person in known.items()}
        return {f"user:{name}": name for name in names} | shown

    nodes = read_node_classes(settings.open_nodes) if settings.open_nodes else None
    return Permissions(
        open=lambda owner: has("open", owner, settings.open),
        templates=lambda owner: has("templates", owner, settings.templates or settings.open),
        keep=keep,
        trusts=trusts,
        operates=operates,
        nodes=nodes,
        group=group,
        groups=tuple(one.group for one in tables),
        assignable=tuple(dict.fromkeys(_named_groups(tables))),
        accounts=accounts,
    )


def _named_groups(tables: Sequence[GroupTable]) -> Iterator[str]:
    """Yield the names of the groups of the users file in the rules for members."""
    for rule in chain.from_iterable(one.members for one in tables):
        kind, _, name = rule.partition(":")
        if kind == "group" and name:
            yield name


def group_of(
    tables: Sequence[GroupTable],
    owner: str,
    users: UsersFile | None,
    openid: OpenIDPeople | None,
) -> UserGroup:
    """Return the groups of a run's owner together."""
    person = _person(owner, users, openid)
    return united([one.group for one in tables if any(fits(rule, person) for rule in one.members)])


def _person(owner: str, users: UsersFile | None, openid: OpenIDPeople | None) -> OpenIDPerson:
    """Return the owner as a user of a provider. A name in the users file, in the settings or from a
    proxy may be an email address. A guest matches only `*`."""
    kind, _, name = owner.partition(":")
    known = openid.people.get(name) if kind == "openid" and openid is not None else None
    if known is not None:
        return known
    if kind != "user":
        return OpenIDPerson("", "", "", "", "", (), 0.0)
    in_file = users.users.get(name) if users is not None else None
    groups = in_file.groups if in_file else ()
    return OpenIDPerson("", "", name, name, name if "@" in name else "", groups, 0.0)


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


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Settings for serving the page. `users` are (name, password) pairs, `sign_in` the other
    sign-in methods; without both, sign-in is off. `finish`: seconds that runs may continue at
    shutdown. `hosts`: host names in addition to the app's own. `trusted_proxies`: see
    `ProxyMiddleware`. `on_a_space`: Hugging Face frames the page. `embed`: other sites that may.
    `smaller_previews`: see `run_socket_routes`. `operator_images`: administrators see previews of
    all runs. `pages`: serve pages and the API. `brand`: the app's name and look. `of_plugins`: all
    settings, with those that plugins add."""

    host: str = "127.0.0.1"
    port: int = 7860
    root_path: str = ""
    users: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    finish: float = 0.0
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = _NEXT_DOOR
    on_a_space: bool = False
    embed: tuple[str, ...] = ()
    smaller_previews: bool = True
    languages: Languages = field(default_factory=Languages)
    sign_in: SignInSettings = field(default_factory=SignInSettings)
    operator_images: bool = False
    pages: bool = True
    brand: Brand = field(default_factory=Brand)
    of_plugins: BaseModel | None = None

    def reach(self, port: int, identity: Identity) -> Reach:
        """Return the app's addresses at this port, and the access that `identity` gives."""
        login = identity.login
        return Reach(
            self.host,
            port,
            self.root_path,
            signs_in=login is not None,
            share_link=login.share_link if login else "",
            proxied=self.has_proxy,
            names=tuple(filter(None, self.hosts)),
            contained=self.is_contained,
            unencrypted=self.is_unencrypted,
        )

    @property
    def framed_by(self) -> tuple[str, ...]:
        """Return the sites that may show the page in a frame."""
        return (*((HUGGING_FACE,) if self.on_a_space else ()), *self.embed)

    @property
    def is_unencrypted(self) -> bool:
        """Return whether passwords travel over a network without a known proxy, which would use
        TLS."""
        signs_in = self.sign_in.ways(self.users).any
        return signs_in and not is_loopback(self.host) and self.trusted_proxies == _NEXT_DOOR

    @property
    def is_contained(self) -> bool:
        """Return whether the app runs in a container and trusts no proxy outside it."""
        return is_contained() and set(self.trusted_proxies) <= set(_NEXT_DOOR)

    @property
    def has_proxy(self) -> bool:
        """Return whether users certainly come through a proxy. Otherwise, host names in the
        settings belong to the app's own address."""
        is_named = is_loopback(self.host) or self.trusted_proxies != _NEXT_DOOR
        return bool(self.root_path or (any(self.hosts) and is_named))
