"""Users of an OpenID provider: their details from the provider, and the rules for access."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_LONGEST = 200  # characters per name, address or group
_MOST_GROUPS = 1000


@dataclass(frozen=True, slots=True)
class OpenIDSettings:
    """An OpenID provider and its allowed users. `issuer`: its URL without a trailing slash.
    `client_id` and `client_secret` (empty = none): the app's credentials. `name`: its name for
    users. `allowed` and `operators`: see `fits`. `groups_claim`: the claim with a user's groups.
    `address`: the app's URL for browsers (empty = the request's)."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    allowed: Sequence[str]
    operators: Sequence[str] = ()
    scopes: Sequence[str] = ("openid", "profile", "email")
    groups_claim: str = "groups"
    address: str = ""


def space_openid(variables: Mapping[str, str]) -> OpenIDSettings | None:
    """Return the settings for Hugging Face on a Space whose README has `hf_oauth: true`:
    https://huggingface.co/docs/hub/spaces-oauth. Every Hugging Face user is allowed."""
    names = "OPENID_PROVIDER_URL", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "SPACE_HOST"
    if not all(variables.get(name) for name in names):
        return None
    issuer, client_id, client_secret, host = (variables[name] for name in names)
    return OpenIDSettings(
        issuer.rstrip("/"),
        client_id,
        client_secret,
        "Hugging Face",
        allowed=("*",),
        scopes=variables.get("OAUTH_SCOPES", "openid profile").split(),
        address=f"https://{host}",
    )


@dataclass(frozen=True, slots=True)
class OpenIDPerson:
    """A user as described at their last sign-in, in seconds since 1970. `id` stays the same when
    names change. `email` is empty if unverified."""

    id: str
    issuer: str
    shown: str
    username: str
    email: str
    groups: tuple[str, ...]
    signed_in: float

    @property
    def account(self) -> str:
        """Return the text that distinguishes users with the same name."""
        return self.email or self.username or self.shown


def person_of(claims: Mapping[str, object], settings: OpenIDSettings, now: float) -> OpenIDPerson:
    """Return the user in the claims of OpenID Connect Core 1.0, 5.1, after `sub` was checked.
    Claims of a wrong type count as missing."""
    email = _text(claims.get("email")) if claims.get("email_verified") in (True, "true") else ""
    username = _text(claims.get("preferred_username"))
    subject = str(claims["sub"])
    groups = claims.get(settings.groups_claim)
    listed = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return OpenIDPerson(
        hashlib.sha256(f"{settings.issuer}\n{subject}".encode(errors="replace")).hexdigest(),
        settings.issuer,
        _text(claims.get("name")) or username or email or _text(subject) or "?",
        username,
        email,
        tuple(filter(None, map(_text, listed[:_MOST_GROUPS]))),
        now,
    )


def fits(rule: str, person: OpenIDPerson) -> bool:
    """Return whether a user matches `*`, `group:NAME`, `user:NAME`, `@DOMAIN` or an email address.
    Only verified addresses count."""
    match rule.partition(":"):
        case ("*", "", ""):
            return True
        case ("group", ":", name):
            return name in person.groups
        case ("user", ":", name):
            return name == person.username
        case _ if rule.startswith("@"):
            return person.email.casefold().endswith(rule.casefold())
        case _:
            return bool(rule) and person.email.casefold() == rule.casefold()


def _text(value: object) -> str:
    """Return a text on one line, shortened; empty for anything else."""
    text = value if isinstance(value, str) else ""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_LONGEST]
