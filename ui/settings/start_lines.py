"""Lines printed at start: the app's address, and who can reach it."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import TextIO

import segno

from comfy.comfyui.client.address import is_loopback
from ui.settings.folders import COMMAND, ON_A_SPACE

# Addresses for documentation. Nothing is sent there, but the system reports which of its own
# addresses it would use.
_ELSEWHERE = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_SIGN_IN = "To require sign-in, set up accounts: " + (
    "the secret COMFYFORMS_LOGIN, with NAME:PASSWORD" if ON_A_SPACE else f"{COMMAND} user add NAME"
)
_ALL = frozenset({"0.0.0.0", "::"})
_UNENCRYPTED = (
    "Passwords are sent unencrypted. Put a TLS proxy in front of the app and set --trusted-proxies."
)
_NO_PROXY = (
    "This app runs in a container and trusts no proxy. If it is behind a proxy, set"
    " --trusted-proxies ADDRESS, with the proxy's address as seen from the container. Otherwise all"
    " visitors share the limits of one address."
)


@dataclass(frozen=True, slots=True)
class Reach:
    """Addresses of an app, and the access to it. `share_link`: the token in the guest link, ""
    without one. `names`: its known host names in browsers; `proxied`: these belong to a proxy, not
    to the app's own address. `contained`: it runs in a container and trusts no proxy of its
    network. `unencrypted`: it asks for passwords on a network without TLS."""

    host: str
    port: int
    root_path: str = ""
    signs_in: bool = False
    share_link: str = ""
    proxied: bool = False
    names: tuple[str, ...] = ()
    contained: bool = False
    unencrypted: bool = False

    @property
    def by_proxy(self) -> list[str]:
        """Return its URLs at the proxy, which is assumed to use TLS on the default port; none
        without a proxy or known names."""
        names = self.names if self.proxied else ()
        return [f"https://{_in_address(name)}{self.root_path}" for name in names]

    @property
    def for_others(self) -> str:
        """Return the URL to give to other users; "" if unknown."""
        if self.proxied:
            return next(iter(self.by_proxy), "")
        return self.addresses[0]

    @property
    def addresses(self) -> list[str]:
        """Return the app's own URLs, the one for other machines first. With a path prefix, which
        the proxy removes, they are for the proxy and not for browsers."""
        names = () if self.proxied else self.names
        hosts = _network_addresses(self.host) if self.host in _ALL else [self.host]
        return [
            f"http://{_in_address(host)}:{self.port}"
            for host in dict.fromkeys([*names, *(hosts or ["127.0.0.1"])])
        ]


def start_lines(reach: Reach) -> list[str]:
    """Return sentences for the log. The guest link appears only there."""
    here = ", ".join(reach.addresses)
    if reach.root_path:
        lines = [f"{_open_at_proxy(reach)} The proxy must connect to {here}."]
    else:
        lines = [f"Open {reach.addresses[0]} in a browser."]
    ways = []
    if not is_loopback(reach.host) and not reach.root_path:
        ways.append(f"Other machines on the network use {here}.")
    if reach.by_proxy:
        ways.append(f"Behind the proxy, its address is {', '.join(reach.by_proxy)}.")
    elif reach.root_path:
        ways.append(f"Behind the proxy, its path is {reach.root_path}.")
    if ways:
        access = "Users must sign in." if reach.signs_in else f"No sign-in is required. {_SIGN_IN}"
        lines.append(f"{' '.join(ways)} {access}")
    if reach.share_link:
        lines.append(f"Link for guests: {reach.for_others}/join/{reach.share_link}")
    return lines


def executor_line(reach: Reach) -> str:
    """Return the sentence for the log of a process without pages."""
    return f"This process executes runs. {reach.addresses[0]} has only /health and /metrics."


def start_warnings(reach: Reach) -> list[str]:
    """Return warnings for the log about settings that are probably missing."""
    if is_loopback(reach.host):
        return []
    return [_UNENCRYPTED] * reach.unencrypted + [_NO_PROXY] * reach.contained


def is_contained() -> bool:
    """Return whether this process runs in a container of Docker, Podman or Kubernetes."""
    marks = map(Path, ("/.dockerenv", "/run/.containerenv"))
    return any(mark.exists() for mark in marks) or "KUBERNETES_SERVICE_HOST" in os.environ


def _open_at_proxy(reach: Reach) -> str:
    if reach.for_others:
        return f"Open {reach.for_others} in a browser."
    return (
        f"Open {reach.root_path} at the proxy in a browser. Set the proxy's host name with --hosts."
    )


def show_code(reach: Reach, to: TextIO) -> None:
    """Print the address as a QR code for phones, if other machines can reach the app and `to`
    is a terminal."""
    is_here_only = is_loopback(reach.host) and not reach.by_proxy
    if is_here_only or not reach.for_others or not to.isatty():
        return
    join = f"/join/{reach.share_link}" if reach.share_link else ""
    segno.make_qr(f"{reach.for_others}{join}").terminal(to, compact=True)


def _network_addresses(host: str) -> list[str]:
    """Return this machine's addresses on the network that the app listens on; none without a
    network."""
    addresses = []
    for family, elsewhere in _ELSEWHERE[: 2 if host == "::" else 1]:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asking:
                asking.connect((elsewhere, 9))
                addresses.append(str(asking.getsockname()[0]))
        except OSError:
            continue
    return addresses


def _in_address(host: str) -> str:
    try:
        return f"[{host}]" if isinstance(ip_address(host), IPv6Address) else host
    except ValueError:
        return host
