"""Where a request comes from, also behind proxies, of which only the trusted ones are believed."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

from starlette.types import Scope


def client_address(scope: Scope) -> str:
    """Who asks, for limits by address: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer gets.

    "" where the address is unknown, as with a UNIX socket.
    """
    try:
        address = ip_address((scope.get("client") or ("",))[0].partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is None:
            return str(ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)
