"""Address of a ComfyUI server, with credentials and trusted certificates."""

from __future__ import annotations

import base64
import os
import re
import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import chain
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from comfy.base.errors import ComfyError
from comfy.base.messages import message

DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?")
_BETWEEN = re.compile(r"(?<![\s,])[\s,]+(?=https?://)")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
# A duplicate of one of these would break every request.
_OUR_HEADERS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "range",
        "transfer-encoding",
    }
    | {"te", "trailer", "upgrade"}
)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Address of a server. `url` has no user info and no trailing slash. `headers` hold the login
    and go only to this server, over HTTP and WebSocket. `tls` verifies its certificate; None for
    http.

    `shown`: users may see the address in sentences. `label`: the administrator's name for the
    server, which all users may see, or "". `built_in`: the app's own stand-in.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False, compare=False)
    shown: bool = True
    label: str = ""
    built_in: bool = False

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        token: str | None = None,
        headers: Iterable[str] = (),
        ca: Path | None = None,
    ) -> Self:
        """Parse an address such as `http://127.0.0.1:8188`, with an optional path prefix and
        `user:password@` (percent-encoded).

        `token` is sent as `Authorization: Bearer`, `headers` (`Name: value`) unchanged. `ca` is a
        PEM file or a folder of them, which replaces the trusted certificates. Raises ComfyError,
        whose text has none of these values.
        """
        user_info, url = _split(text)
        parsed_headers = chain.from_iterable(map(parse_header, headers))
        pairs = (*_basic(user_info), *_bearer(token), *parsed_headers)
        names = [name.lower() for name, _ in pairs]
        if len(set(names)) < len(names):
            raise ComfyError(
                "The server has more than one set of credentials.",
                "Use only one: a password in the address, a token, or an Authorization header.",
            )
        secure = url.startswith("https:")
        if ca and not secure:
            raise ComfyError(
                "Certificates are set for a server that doesn't use TLS.",
                "Use https:// in its address.",
            )
        return cls(url, pairs, trusted_certificates(ca) if secure else None)

    @property
    def host(self) -> str:
        """Return the host's name, or its IP address without brackets."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Return the port, even if it is the scheme's default."""
        return _origin(self.url)[2]

    @property
    def name(self) -> str:
        if self.label:
            return self.label
        return message("ComfyUI at {address}", address=self.url) if self.shown else "ComfyUI"

    @property
    def short_name(self) -> str:
        """Return the server's name for headings: its address without the scheme, if users may see
        it."""
        return self.place if self.shown or self.label else self.name

    @property
    def place(self) -> str:
        """Return the label, or the address without the scheme, for administrators."""
        return self.label or self.url.partition("://")[2]

    def owns(self, url: str) -> bool:
        """Tell if a URL is on this server: same scheme, host and port, and below its path."""
        try:
            same = _origin(url) == _origin(self.url)
        except ValueError:  # invalid port
            return False
        netloc, path = urlsplit(url)[1:3]
        # Proxies may interpret %2e%2e and backslashes.
        path = unquote(path).replace("\\", "/")
        is_below = path.startswith(f"{unquote(urlsplit(self.url).path)}/")
        return same and is_below and "@" not in netloc and ".." not in path.split("/")


def named_servers(
    texts: Sequence[str],
    *,
    token: str | None = None,
    header: str | None = None,
    ca: Path | None = None,
) -> tuple[ServerAddress, ...]:
    """Return the servers that settings name, or (). Raises ComfyError, also for a login without a
    server or with several: it must not go to whichever server is found."""
    credentials = token or header or ca
    if credentials and not texts:
        raise ComfyError(
            "Credentials or certificates are set, but no server.",
            "Also set --server.",
        )
    if credentials and len(texts) > 1:
        raise ComfyError(
            "Credentials or certificates are set for one server, but there are several.",
            "Set them per server in the file of --config, under [[server]].",
        )
    headers = (header,) if header else ()
    return one_each(
        ServerAddress.parse(text, token=token, headers=headers, ca=ca) for text in texts
    )


def one_each(addresses: Iterable[ServerAddress]) -> tuple[ServerAddress, ...]:
    """Return the addresses. Raises ComfyError if a server appears twice."""
    servers = tuple(addresses)
    if len({one.url for one in servers}) < len(servers):
        raise ComfyError("A server is listed twice.", "List each server once.")
    return servers


def split_servers(text: str) -> list[str]:
    """Return the addresses in a text, separated by commas or spaces."""
    return [part for part in _BETWEEN.split(text.strip()) if part]


def is_loopback(host: str) -> bool:
    """Tell if only this machine reaches a host."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme, 0)


def _split(text: str) -> tuple[str, str]:
    """Split an address into its user info and the address without it."""
    try:
        parts = urlsplit(_plain(text.strip()))
        host, port = _host(parts.hostname or ""), parts.port
        user_info, _, host_port = parts.netloc.rpartition("@")
        if parts.scheme not in DEFAULT_PORTS or port == 0 or host_port.endswith(":"):
            raise ValueError  # noqa: TRY301 - the same error for every problem
    except ValueError:  # the original message may contain part of a password
        raise ComfyError(
            "This is not a server address.", "Write it like http://127.0.0.1:8188."
        ) from None
    if "?" in text or "#" in text or "@" in parts.path:  # may belong to a password
        raise ComfyError(
            "A server address can't contain “?”, “#” or “@” after the host.",
            "In a password, write them as %3F, %23 and %40, and a slash as %2F.",
        )
    path = quote(parts.path.rstrip("/"), safe="/%:!$&'()*+,;=~")
    return user_info, f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"


def _plain(text: str) -> str:
    """Return the text. Raises ValueError for characters that `urlsplit` would drop or browsers read
    differently."""
    if not text.isprintable() or " " in text or "\\" in text:
        raise ValueError
    return text


def _host(name: str) -> str:
    """Return an address's host in ASCII. Raises ValueError if it is invalid."""
    if ":" in name:
        return f"[{ip_address(name)}]"
    host = name.encode("idna").decode()
    if not _HOST_NAME.fullmatch(host):
        raise ValueError
    return host


def _basic(user_info: str) -> list[tuple[str, str]]:
    user, _, password = user_info.partition(":")
    if not user and not password:
        return []
    login = unquote_to_bytes(user) + b":" + unquote_to_bytes(password)
    return [("Authorization", f"Basic {base64.b64encode(login).decode()}")]


def _bearer(token: str | None) -> list[tuple[str, str]]:
    if not token or not (token := token.strip()):
        return []
    if " " in token or not _HEADER_VALUE.fullmatch(token):
        raise ComfyError(
            "The server token contains invalid characters.",
            "It must be one word of ASCII letters, digits and symbols.",
        )
    return [("Authorization", f"Bearer {token}")]


def parse_header(header: str) -> list[tuple[str, str]]:
    """Parse `Name: value` as a header to send; [] for "". Raises ComfyError for a header that would
    break every request."""
    if not header:
        return []
    name, _, value = (part.strip() for part in header.partition(":"))
    own = name.lower() in _OUR_HEADERS or name.lower().startswith("sec-websocket-")
    if own or not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
        raise ComfyError(
            "This header can't be sent to the server.", "Write it like 'X-Api-Key: secret'."
        )
    return [(name, value)]


def trusted_certificates(ca: Path | None = None) -> ssl.SSLContext:
    """Return the context that verifies certificates. It trusts `ca` alone if given, otherwise the
    environment's certificates, as requests and OpenSSL read them, otherwise the lists of the system
    and of requests."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= (
        ssl.VERIFY_X509_PARTIAL_CHAIN
    )  # accept the server's own certificate as a trust anchor
    if ca:
        _trust(context, str(ca))
        return context
    bundles = [
        os.environ[name]
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
        if os.environ.get(name)
    ]
    for bundle in bundles:
        _trust(context, bundle)
    named = bool(os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"))
    if named or not bundles:
        context.load_default_certs()
    if not named and not bundles:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _trust(context: ssl.SSLContext, place: str) -> None:
    try:
        if os.path.isdir(place):
            context.load_verify_locations(capath=place)
        else:
            context.load_verify_locations(cafile=place)
    except OSError as error:
        raise ComfyError(
            f"{place} contains no readable certificates.",
            "--server-ca and REQUESTS_CA_BUNDLE must name certificates in PEM format.",
        ) from error
