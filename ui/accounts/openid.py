"""Users of an OpenID provider: the authorization code flow with PKCE, their details from the
provider, the rules for access, and who has signed in."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from urllib.parse import urlencode

from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from authlib.oidc.discovery import get_well_known_url
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey
from joserfc.jws import JWSRegistry
from pydantic import TypeAdapter
from requests import RequestException
from sqlalchemy import delete, insert, select

from comfy.base.errors import ComfyError
from comfy.base.messages import message
from ui.accounts.database import SignInDatabase, openid_people

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


log = logging.getLogger(__name__)
_PATIENCE = 10.0  # seconds for each answer from the provider
LASTS = 600  # seconds to complete a sign-in at the provider
_LEEWAY = 120  # seconds that the provider's clock may differ
# Only asymmetric algorithms: a shared key, or none, doesn't prove who signed.
_SIGNATURES = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
_TRY_AGAIN = message("Try again. If this keeps happening, contact the administrator.")


class SignInFailed(ComfyError):
    """Error for a sign-in that failed."""


class ProviderSilent(SignInFailed):
    """Error for a provider that can't be reached, or whose answer isn't OpenID's."""


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """Browser's state during a sign-in: the values to return (`state`, `nonce`), the proof that the
    same app is asking (`verifier`), and the destination."""

    state: str
    nonce: str
    verifier: str
    to: str

    def sealed(self, key: bytes, now: float) -> str:
        """Return the attempt as a signed text, valid for `LASTS` seconds."""
        claims = {**asdict(self), "exp": int(now) + LASTS}
        return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(key))

    def matches(self, state: str) -> bool:
        """Return whether an answer belongs to this attempt."""
        return secrets.compare_digest(state.encode(errors="replace"), self.state.encode())


def opened_attempt(sealed: str, key: bytes, now: float) -> SignInAttempt | None:
    """Return the attempt in a signed text; None if the text was changed or has expired."""
    try:
        claims = jwt.decode(sealed, OctKey.import_key(key), algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(int(now), exp={"essential": True}).validate(claims)
    except (JoseError, ValueError):
        return None
    return SignInAttempt(*(claims[name] for name in ("state", "nonce", "verifier", "to")))


@dataclass(frozen=True, slots=True)
class _Metadata:
    """The used fields of the provider's metadata (OpenID Connect Discovery 1.0, 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    end_session_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()


_Read = TypeAdapter(_Metadata)


class OpenIDProvider:
    """An OpenID provider. Its metadata is fetched for each sign-in: sign-ins are rare, and its keys
    change."""

    def __init__(self, settings: OpenIDSettings) -> None:
        self.settings = settings

    def begin(
        self, back: str, to: str, *, other_account: bool = False
    ) -> tuple[str, SignInAttempt]:
        """Return the sign-in URL and the state for the browser. `back`: the app's URL for the
        answer. Raises ProviderSilent if the provider doesn't answer."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = SignInAttempt(state, nonce, verifier, to)
        more = {"prompt": "select_account"} if other_account else {}
        with self._session(back) as (session, metadata):
            address, _ = session.create_authorization_url(
                metadata.authorization_endpoint,
                attempt.state,
                attempt.verifier,
                nonce=attempt.nonce,
                **more,
            )
        return address, attempt

    def claims(self, back: str, attempt: SignInAttempt, code: str) -> Mapping[str, object]:
        """Return the provider's claims for this code. Raises SignInFailed if it refuses the code,
        or if the claims don't belong to this attempt."""
        with self._session(back) as (session, metadata):
            token = session.fetch_token(
                metadata.token_endpoint,
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.verifier,
            )
            claims = self._checked(session, metadata, token, attempt.nonce)
            if not metadata.userinfo_endpoint:
                return claims
            more = session.get(metadata.userinfo_endpoint)
            more.raise_for_status()
            user_info: dict[str, object] = more.json()
            if user_info["sub"] != claims["sub"]:  # OpenID Connect Core 1.0, 5.3.2
                raise ValueError("the user info is about another user")
            return user_info | claims

    def sign_out_address(self, after: str) -> str:
        """Return the URL for signing out at the provider, which then redirects to `after`; empty if
        it has none. Raises ProviderSilent if the provider doesn't answer. See OpenID Connect
        RP-Initiated Logout 1.0, 2."""
        with self._session("") as (_, metadata):
            if not metadata.end_session_endpoint:
                return ""
            query = {"client_id": self.settings.client_id, "post_logout_redirect_uri": after}
            sign = "&" if "?" in metadata.end_session_endpoint else "?"
            return f"{metadata.end_session_endpoint}{sign}{urlencode(query)}"

    def _checked(
        self, session: OAuth2Session, metadata: _Metadata, token: Mapping[str, str], nonce: str
    ) -> dict[str, object]:
        """Return the verified claims of the ID token: OpenID Connect Core 1.0, 3.1.3.7."""
        keys = session.get(metadata.jwks_uri, withhold_token=True)
        keys.raise_for_status()
        registry = JWSRegistry(algorithms=_SIGNATURES, strict_check_header=False)
        signed = jwt.decode(
            token["id_token"], KeySet.import_key_set(keys.json()), registry=registry
        )
        expected = {"iss": metadata.issuer, "aud": self.settings.client_id}
        options = {name: {"essential": True, "value": value} for name, value in expected.items()}
        parameters = {
            "nonce": nonce,
            "client_id": self.settings.client_id,
            "access_token": token["access_token"],
        }
        claims = CodeIDToken(signed.claims, signed.header, options, parameters)
        claims.validate(leeway=_LEEWAY)
        return dict(claims)

    @contextmanager
    def _session(self, back: str) -> Iterator[tuple[OAuth2Session, _Metadata]]:
        """Yield a connection and the provider's metadata. Failures become messages, with their type
        in the log."""
        try:
            with OAuth2Session(
                self.settings.client_id,
                self.settings.client_secret,
                scope=" ".join(self.settings.scopes),
                redirect_uri=back,
                code_challenge_method="S256",
                default_timeout=_PATIENCE,
            ) as session:
                metadata = self._metadata(session)
                accepted = metadata.token_endpoint_auth_methods_supported
                if "client_secret_post" in accepted and "client_secret_basic" not in accepted:
                    session.token_endpoint_auth_method = "client_secret_post"
                yield session, metadata
        except RequestException as problem:
            log.warning("The OpenID provider can't be reached: %s", type(problem).__name__)
            raise ProviderSilent(self._silent(), _TRY_AGAIN) from problem
        except (OAuthError, JoseError, ValueError, KeyError, TypeError) as problem:
            code = problem.error if isinstance(problem, OAuthError | JoseError) else ""
            log.warning("A sign-in failed: %s %r", type(problem).__name__, code)
            raise SignInFailed(
                message("{provider} couldn't confirm your identity.", provider=self.settings.name),
                _TRY_AGAIN,
            ) from problem

    def _metadata(self, session: OAuth2Session) -> _Metadata:
        address = get_well_known_url(self.settings.issuer, external=True)
        answer = session.get(address, withhold_token=True)
        answer.raise_for_status()
        metadata = _Read.validate_json(answer.content)
        if metadata.issuer.rstrip("/") != self.settings.issuer:  # Discovery 1.0, 4.3
            log.warning("--openid-issuer: the provider reports the issuer %r.", metadata.issuer)
            raise ValueError("another issuer")
        return metadata

    def _silent(self) -> str:
        return message("{provider} isn't responding.", provider=self.settings.name)


class OpenIDPeople:
    """Users who signed in through the provider. Their permissions follow from the current settings
    and the provider's last description. Thread-safe."""

    def __init__(self, settings: OpenIDSettings, address: str | None = None) -> None:
        """Open the database at a SQLAlchemy URL; None keeps the users in memory. Raises ComfyError
        if it can't be used."""
        self.settings = settings
        self.people: Mapping[str, OpenIDPerson] = {}
        self._database = SignInDatabase(address)
        self.refresh()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def refresh(self) -> None:
        """Reload the users, to include changes by another process."""
        with self._database.loading() as rows:
            documents = [json.loads(text) for text in rows.scalars(select(openid_people.c.person))]
            people = (OpenIDPerson(**one | {"groups": tuple(one["groups"])}) for one in documents)
            self.people = {person.id: person for person in people}

    def put(self, person: OpenIDPerson) -> None:
        """Store the provider's current description of a user."""
        with self._database.changing() as rows:
            rows.execute(delete(openid_people).where(openid_people.c.id == person.id))
            text = json.dumps(asdict(person))
            rows.execute(insert(openid_people).values(id=person.id, person=text))
            self.people = {**self.people, person.id: person}

    def forget(self, before: float) -> None:
        """Delete users whose last sign-in was before this time."""
        if all(person.signed_in >= before for person in self.people.values()):
            return
        with self._database.changing() as rows:
            gone = [person.id for person in self.people.values() if person.signed_in < before]
            rows.execute(delete(openid_people).where(openid_people.c.id.in_(gone)))
            self.people = {id: one for id, one in self.people.items() if id not in gone}

    def may_come(self, person: OpenIDPerson) -> bool:
        """Return whether the settings allow the user. Users of an earlier provider are never
        allowed."""
        rules = (*self.settings.allowed, *self.settings.operators)
        return person.issuer == self.settings.issuer and _any_fits(rules, person)

    def operates(self, person_id: str) -> bool:
        """Return whether a known user is an administrator."""
        person = self.people.get(person_id)
        if person is None or not self.may_come(person):
            return False
        return _any_fits(self.settings.operators, person)


def _any_fits(rules: Collection[str], person: OpenIDPerson) -> bool:
    return any(fits(rule, person) for rule in rules)
