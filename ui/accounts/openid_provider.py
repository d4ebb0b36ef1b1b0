"""OpenID Connect's authorization code flow, with PKCE."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
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

from comfy.base.errors import ComfyError
from comfy.base.json_values import parse_json
from comfy.base.messages import message
from ui.accounts.openid_people import OpenIDSettings

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
            user_info: dict[str, object] = parse_json(more.content)
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
            token["id_token"], KeySet.import_key_set(parse_json(keys.content)), registry=registry
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
