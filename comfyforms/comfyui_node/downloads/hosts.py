"""Allowlist of download hosts, and the check of their addresses. Pure.

`huggingface.co` and `civitai.com` redirect downloads to storage hosts, which are allowed only as
redirect targets. Hugging Face publishes its own at https://huggingface.co/.well-known/meta.json.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from .problems import DownloadRefused

HUGGING_FACE = "huggingface.co"
_PUBLIC = (HUGGING_FACE, "civitai.com")
_STORAGE = re.compile(
    r"(?:[a-z0-9-]{1,63}\.){1,5}cdn\.hf\.co"
    r"|(?:cas-bridge|cas-bridge-direct|transfer)\.xethub(?:-eu)?\.hf\.co"
    r"|cdn-lfs(?:-[a-z]{2}-[0-9])?\.(?:hf|huggingface)\.co"
    r"|b2\.civitai\.com"
    r"|civitai-delivery-worker-prod\.5ac0637cfd0766c97916cefa3764fbdf\.r2\.cloudflarestorage\.com"
)
_WORD = re.compile(r"[g-wyz_-]")  # in no number
_NUMBERS = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,9}")
_LONGEST = 4000  # characters; signed addresses of storage hosts have more than 1,000
# Match only addresses that every parser reads the same way: no user, no dot at the end of a name.
_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*))"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_PORTS = {"http": 80, "https": 443}
_NAT64 = ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class HostOrigin:
    """Scheme, host and port of an address. `host`: a name in lower case, or an IP address."""

    scheme: str
    host: str
    port: int

    @property
    def ip(self) -> IPv4Address | IPv6Address | None:
        """Return the host's IP address; None for a name."""
        try:
            return ip_address(self.host)
        except ValueError:
            return None

    @property
    def host_header(self) -> str:
        """Return the value of the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def split_address(url: str) -> tuple[HostOrigin, str]:
    """Return the origin of an address, and its path with the query. Raises ValueError for an
    address that two programs might parse differently."""
    parts = _ADDRESS.fullmatch(url)
    if parts is None or "\\" in url or len(url) > _LONGEST:
        raise ValueError("not a plain address")
    scheme, v6, name, port, path = parts.group("scheme", "v6", "name", "port", "path")
    host = str(IPv6Address(v6)) if v6 else name.lower()
    scheme = scheme.lower()
    number = int(port or _PORTS[scheme])
    if not 0 < number <= 65535 or _is_disguised(host):
        raise ValueError("no host or port")
    return HostOrigin(scheme, host, number), (path or "/").partition("#")[0]


def _is_disguised(host: str) -> bool:
    """Return whether a host without letters is an address in an unusual notation, such as
    `2130706433` or `127.1`."""
    if _WORD.search(host) or ":" in host:
        return False
    try:
        return not ip_address(host)
    except ValueError:
        return bool(_NUMBERS.fullmatch(host))


def added_host(text: str) -> HostOrigin:
    """Return a host from the settings: `models.example.org`, with `https://` and a port if needed,
    or `http://` with an IP address of a private network, such as `http://10.0.0.5:8000`. Raises
    ValueError for anything else."""
    origin, path = split_address(text if "://" in text else f"https://{text}")
    if path != "/" or "?" in text:
        raise ValueError("not just a host")
    ip = origin.ip
    if ip is not None and (ip.is_link_local or ip.is_multicast or ip.is_unspecified):
        raise ValueError("not an address of a server")
    if origin.scheme == "http" and (ip is None or not ip.is_private):
        raise ValueError("http only works for addresses of private networks")
    return origin


class AllowedHosts:
    """Allowlist of origins: the public model hosts and those that the administrator has added."""

    def __init__(self, added: Iterable[str] = ()) -> None:
        """`added`: as for `added_host`. Raises ValueError."""
        self.added = tuple(dict.fromkeys(added))
        self._private = frozenset(map(added_host, self.added))
        self._origins = self._private | {HostOrigin("https", name, 443) for name in _PUBLIC}

    def check(self, url: str, *, redirected: bool = False) -> HostOrigin:
        """Return the origin of an allowed address. `redirected`: the address is the target of a
        redirect. Raises DownloadRefused."""
        try:
            origin, _ = split_address(url)
        except ValueError:
            raise DownloadRefused("The download address isn't a plain https:// address.") from None
        if origin in self._origins:
            return origin
        if redirected and origin.scheme == "https" and origin.port == _PORTS["https"]:
            if _STORAGE.fullmatch(origin.host):
                return origin
            raise DownloadRefused(
                f"The download is redirected to {origin.host}, which isn't an allowed host."
            )
        if origin.scheme == "http" and origin.host in {one.host for one in self._origins}:
            raise DownloadRefused("The download address must start with https://.")
        raise DownloadRefused(
            f"{origin.host_header} isn't an allowed host. Add it to --download-hosts if you trust"
            " it."
        )

    def usable(self, origin: HostOrigin, address: str) -> bool:
        """Return whether a connection to `address`, which the origin's name resolved to, is
        allowed: a public address, or the IP address that the administrator has added."""
        ip = ip_address(address.partition("%")[0])
        if origin in self._private and origin.ip == ip:
            return True
        if isinstance(ip, IPv6Address):
            if ip in _NAT64:
                return _is_public(IPv4Address(int(ip) & 0xFFFFFFFF))
            if ip.ipv4_mapped or ip.sixtofour or ip.teredo:
                return False
        return _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    is_site_local = isinstance(ip, IPv6Address) and ip.is_site_local
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or is_site_local)


def license_page(url: str) -> str:
    """Return the page with a model's license, where a person accepts it, or ""."""
    try:
        origin, path = split_address(url)
    except ValueError:
        return ""
    parts = path.partition("?")[0].split("/")
    if origin.host == HUGGING_FACE and len(parts) > 4 and parts[3] in ("resolve", "blob"):
        return f"https://{HUGGING_FACE}/{parts[1]}/{parts[2]}"
    if origin.host == "civitai.com" and parts[:4] == ["", "api", "download", "models"]:
        return f"https://civitai.com/model-versions/{parts[4]}" if len(parts) > 4 else ""
    return ""
