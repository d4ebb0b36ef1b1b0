"""Explain why a server can't be reached, from the errors of sockets, TLS and proxies."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from urllib3.exceptions import (
    ConnectTimeoutError,
    ProxyError,
    ProxySchemeUnknown,
)

from comfy.base.errors import ServerUnreachable
from comfy.base.messages import message

CHECK = message(
    "Check that ComfyUI is running there and the address is right, http:// or https:// included."
)
LOG_IN_AT_PROXY = message(
    "Add the name and password to HTTP_PROXY or HTTPS_PROXY where this app was started."
)
_CHECK_PROXY = message("Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY where this app was started.")

_Problem = tuple[Callable[[str], str], str]
_NOT_NOW: _Problem = (
    lambda name: message("The certificate of {server} isn't valid now.", server=name),
    message("Renew it, or check the clocks of both machines."),
)
_ANOTHER: _Problem = (
    lambda name: message("The certificate of {server} is for another address.", server=name),
    message("Use the host name that the certificate is for."),
)
# OpenSSL's X509_V_ERR_… -> (problem, hint)
_CERTIFICATE: Mapping[int, _Problem] = MappingProxyType(
    {9: _NOT_NOW, 10: _NOT_NOW, 62: _ANOTHER, 64: _ANOTHER}
)
_NOT_TRUSTED: _Problem = (
    lambda name: message("The certificate of {server} is not trusted.", server=name),
    message("Name its CA certificate: --server-ca FILE."),
)

# OpenSSL's reasons if the peer doesn't speak TLS; the names differ between versions.
_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def unreachable(error: BaseException, name: str) -> ServerUnreachable:
    """Return the error for an unanswered call. `name` is the server's name in the sentence."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code):
                sentence_for, hint = _CERTIFICATE.get(code, _NOT_TRUSTED)
                return ServerUnreachable(sentence_for(name), hint, passing=False)
            case ssl.SSLError(reason=str(reason)) if reason in _NO_TLS:
                hint = CHECK
                return ServerUnreachable(
                    message("{server} does not speak TLS.", server=name), hint, passing=False
                )
            case ProxySchemeUnknown():
                hint = _CHECK_PROXY
                return ServerUnreachable(
                    message("The proxy in front of {server} has an unknown type.", server=name),
                    hint,
                    passing=False,
                )
            case OSError() if refused := _TUNNEL.search(str(cause)):
                return _refused_by_proxy(int(refused[1]), name)
    for cause in causes:
        match cause:
            case ProxyError():
                return ServerUnreachable(
                    message("The proxy in front of {server} can't be reached.", server=name),
                    _CHECK_PROXY,
                )
            case socket.gaierror():
                return ServerUnreachable(
                    message(
                        "{server} cannot be reached: there is no host of that name.", server=name
                    ),
                    CHECK,
                )
            case ConnectionRefusedError():
                return ServerUnreachable(
                    message("{server} cannot be reached: nothing answers there.", server=name),
                    CHECK,
                )
            case ConnectTimeoutError():
                return ServerUnreachable(
                    message("{server} cannot be reached: nothing answers there.", server=name),
                    CHECK,
                )
            case TimeoutError():
                return ServerUnreachable(
                    message("{server} took too long to answer.", server=name),
                    message("Try again in a moment."),
                )
    return ServerUnreachable(message("{server} cannot be reached.", server=name), CHECK)


def _refused_by_proxy(status: int, name: str) -> ServerUnreachable:
    if status == 407:
        hint = LOG_IN_AT_PROXY
        return ServerUnreachable(
            message("The proxy in front of {server} requires a sign-in.", server=name),
            hint,
            passing=False,
        )
    sentence = message(
        "The proxy in front of {server} refused the connection ({status}).",
        server=name,
        status=status,
    )
    return ServerUnreachable(sentence, _CHECK_PROXY, passing=status >= 500)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and all its causes."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        cause = left.pop()
        if cause is not None and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            left += [cause.__context__, cause.__cause__]
