"""Client address and host name of a request. Only trusted proxies may change them."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from comfy.comfyui.client.address import is_loopback
from ui.gradio.internals import SERVER_HEADER
from ui.languages.current import translated
from ui.web.responses import API, Problem

log = logging.getLogger(__name__)

# Networks that "*" trusts. An unnamed proxy must at least be on a private network, otherwise any
# browser could forge its address.
_NEAR = (
    "127.0.0.0/8",
    "::1",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
)
_FORWARDED = (b"x-forwarded-", b"forwarded", SERVER_HEADER)  # Gradio builds URLs from some of them
_MOST_WARNINGS = 3
FORWARDED_USER = "comfyforms.user"  # scope key of the user that a trusted proxy names
_HOST = re.compile(
    r"(?:\[(?P<v6>[0-9a-f:.]{2,45})\]|(?P<name>[a-z0-9._-]{1,253}))(?::[0-9]{1,5})?", re.ASCII
)


def client_address(scope: Scope) -> str:
    """Return the address that limits count by: an IPv4 address, or an IPv6 network of 48 bits, the
    largest that one customer gets.

    Returns "" if the address is unknown, as with a UNIX socket. `ProxyMiddleware` ensures that it
    is not a proxy's.
    """
    try:
        address = ip_address((scope.get("client") or ("",))[0].partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address, 48), strict=False))
        address = address.ipv4_mapped
    return str(address)


@dataclass(frozen=True, slots=True)
class HostMiddleware:
    """Host names by which browsers may address the app. A stranger could point any other name here,
    and a page of that name could use the app as if it were its own (DNS rebinding).

    `names`: in lower case, in addition to the addresses of this machine. `network`: other machines
    can reach the app, by any address and by names without a dot, which no stranger can own.
    `apart`: names among them at which plugins run scripts that mustn't reach the app.
    """

    names: frozenset[str]
    network: bool
    apart: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, listening: str, names: Iterable[str] = (), apart: Iterable[str] = ()
    ) -> HostMiddleware:
        """Return the host names of an app that listens at `listening`, including the
        administrator's and plugins'."""
        known = {"localhost", *names, *apart}
        network = not is_loopback(listening)
        if network:
            here = socket.gethostname()
            known |= {listening, here, f"{here}.local", socket.getfqdn()}
        of_plugins = frozenset(map(host_name, apart))
        return cls(frozenset(name for name in map(host_name, known) if name), network, of_plugins)

    def know(self, header: str) -> bool:
        """Return whether this is one of the app's own Host headers, with any port."""
        name = host_name(header)
        if name in self.names:
            return True
        try:
            return ip_address(name).is_loopback or self.network
        except ValueError:
            return self.network and bool(name) and "." not in header


def host_name(header: str) -> str:
    """Return the name or address in a Host header, in lower case, without port, brackets and final
    dot; "" if it is invalid."""
    parts = _HOST.fullmatch(header.lower())
    return (parts["v6"] or parts["name"].removesuffix(".")) if parts else ""


def networks_of(trusted: Sequence[str]) -> list[str]:
    """Return the addresses and networks of trusted proxies; "*" means all private ones."""
    return list(_NEAR if "*" in trusted else trusted)


@dataclass(frozen=True, slots=True)
class AliasMiddleware:
    """ASGI middleware that removes a prefix from paths: the app answers below it as at its root."""

    app: ASGIApp
    prefix: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request."""
        path = scope.get("path", "")
        if path.startswith(f"{self.prefix}/"):
            path = path.removeprefix(self.prefix)
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self.app(scope, receive, send)


class ProxyMiddleware:
    """ASGI middleware that replaces a trusted proxy's address, scheme and Host header with the
    forwarded ones. It removes such headers from any other sender, and refuses a Host that isn't
    the app's.

    `trusted`: addresses and networks (10.0.0.0/8); "*" for all private ones. `user_header`: the
    header in which they name the signed-in user.
    """

    def __init__(
        self, app: ASGIApp, trusted: Sequence[str], hosts: HostMiddleware, user_header: str = ""
    ) -> None:
        self.app = app
        self.hosts = hosts
        self.user_header = user_header.lower().encode()
        self._warned = set[str]()
        self.proxies = ProxyHeadersMiddleware(self._addressed, networks_of(trusted))  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request, or refuse it."""
        peer = (scope.get("client") or ("",))[0]
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif peer in self.proxies.trusted_hosts:
            named = {FORWARDED_USER: self._user(scope)}
            await self.proxies({**scope, **named}, receive, send)  # type: ignore[arg-type]
        else:
            self._warn(peer, scope)
            await self._addressed({**scope, "headers": _without_forwarded(scope)}, receive, send)

    def _warn(self, peer: str, scope: Scope) -> None:
        """Log once that a proxy is probably not trusted. Other clients can send such a header, too,
        so only a few addresses are logged."""
        if (
            self.hosts.network
            and peer not in self._warned
            and len(self._warned) < _MOST_WARNINGS
            and any(name == b"x-forwarded-for" for name, _ in scope["headers"])
            and _is_private(peer)
        ):
            self._warned.add(peer)
            log.warning(
                "%s sends X-Forwarded-For, but is not a trusted proxy. If it is your proxy, use"
                " --trusted-proxies %s. Otherwise all visitors share the limits of one address.",
                peer,
                peer,
            )

    def _user(self, scope: Scope) -> str:
        """Return the user that the proxy names; "" for no name or several."""
        values = [value for name, value in scope["headers"] if name == self.user_header]
        name = values[0].decode("utf-8", "replace").strip() if len(values) == 1 else ""
        return name if name.isprintable() else ""

    async def _addressed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request if all its host names belong to the app, otherwise refuse it. Any
        remaining forwarded headers come from a trusted proxy."""
        headers = Headers(scope=scope)
        here = headers.getlist("host")
        # A page can add headers to its requests, but it can't change Host, so Host has to be right
        # in any case.
        names = [
            name.strip() for told in headers.getlist("x-forwarded-host") for name in told.split(",")
        ] + here
        stranger = next((name for name in names if not self.hosts.know(name)), None)
        if stranger is not None or len(here) != 1:
            answer = _refused_host(host_name(stranger or ""), scope["path"])
            await answer(scope, receive, send)
            return
        rest = [(name, value) for name, value in _without_forwarded(scope) if name != b"host"]
        apart = (name for name in names if host_name(name) in self.hosts.apart)
        host = next(apart, names[0]).encode()
        await self.app({**scope, "headers": [(b"host", host), *rest]}, receive, send)


def _is_private(address: str) -> bool:
    try:
        return ip_address(address).is_private
    except ValueError:
        return False


def _without_forwarded(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Return the request's headers without the ones in which proxies name their clients."""
    return [(name, value) for name, value in scope["headers"] if not name.startswith(_FORWARDED)]


def _refused_host(name: str, path: str) -> Response:
    """Return the response to a request for a host name that isn't the app's, or for an invalid one
    (""). API clients get a problem document, browsers a sentence."""
    status = 421 if name else 400
    detail = f"Unknown host name {name}. The administrator can allow it with --hosts {name}"
    if not name:
        detail = "The request has no valid Host header."
    if path.startswith(f"{API}/"):
        return Problem(status, detail).answer()
    return PlainTextResponse(translated(detail), status)
