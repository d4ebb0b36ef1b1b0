"""Why a server cannot be reached, in sentences: from what sockets, TLS and proxies raise."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from urllib3.exceptions import (
    ConnectTimeoutError,
    ProxyError,
    ProxySchemeUnknown,
)

from comfy.errors import ServerUnreachable

_CHECK = (
    "Check that ComfyUI is running there and the address is right, http:// or https:// included."
)
_CHECK_PROXY = "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY where this app was started."

# X509_V_ERR_… of OpenSSL -> (what is wrong, hint)
_CERTIFICATE: Mapping[int, tuple[str, str]] = MappingProxyType(
    {
        9: ("is not valid yet", "Check the clocks of both machines."),
        10: ("has expired", "Have it renewed; if it was, check the clock of this machine."),
        62: (
            "is for another host name",
            "Write the address with the name that the certificate is for.",
        ),
        64: (
            "is for another address",
            "Write the address with the name that the certificate is for.",
        ),
    }
)
_NOT_TRUSTED = ("is not trusted", "Name the certificate that it was signed with: --server-ca FILE.")

# Reasons of OpenSSL when the other side speaks something else; their names have changed with its
# versions.
_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def unreachable(error: BaseException, name: str) -> ServerUnreachable:
    """The error for a call that was not answered. `name` is what the sentence calls the server."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code):
                wrong, hint = _CERTIFICATE.get(code, _NOT_TRUSTED)
                return ServerUnreachable(f"The certificate of {name} {wrong}.", hint, passing=False)
            case ssl.SSLError(reason=str(reason)) if reason in _NO_TLS:
                hint = "Write the address with http:// rather than https://."
                return ServerUnreachable(f"{name} does not speak TLS.", hint, passing=False)
            case ProxySchemeUnknown():
                hint = "Its address has to begin with http://; or put the server into NO_PROXY."
                return ServerUnreachable(
                    f"The proxy before {name} is of an unknown kind.", hint, passing=False
                )
            case OSError() if refused := _TUNNEL.search(str(cause)):
                return _refused_by_proxy(int(refused[1]), name)
    for cause in causes:
        match cause:
            case ProxyError():
                return ServerUnreachable(
                    f"The proxy before {name} cannot be reached.", _CHECK_PROXY
                )
            case socket.gaierror():
                return ServerUnreachable(
                    f"{name} cannot be reached: there is no host of that name.",
                    "Check the host in its address.",
                )
            case ConnectionRefusedError():
                return ServerUnreachable(
                    f"{name} cannot be reached: nothing answers at that port.", _CHECK
                )
            case ConnectTimeoutError():
                return ServerUnreachable(
                    f"{name} cannot be reached: no answer from that host.", _CHECK
                )
            case TimeoutError():
                return ServerUnreachable(
                    f"{name} took too long to answer.", "It may be busy; try again in a moment."
                )
    return ServerUnreachable(f"{name} cannot be reached.", _CHECK)


def _refused_by_proxy(status: int, name: str) -> ServerUnreachable:
    if status == 407:
        hint = "Put name and password into HTTP_PROXY or HTTPS_PROXY, where this app was started."
        return ServerUnreachable(f"The proxy before {name} asks for a login.", hint, passing=False)
    sentence = f"The proxy before {name} does not let us through ({status})."
    return ServerUnreachable(sentence, _CHECK_PROXY, passing=status >= 500)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and all it came from."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            left += [one.__context__, one.__cause__]
