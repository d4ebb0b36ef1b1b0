"""Explain why a server can't be reached, from the errors of sockets, TLS and proxies."""

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

from comfy.base.errors import ServerUnreachable
from comfy.base.messages import message

CHECK = message(
    "Check that ComfyUI is running and that the address is right, including http:// or https://."
)
# The administrator's errors: only the sentence around these reasons is translated.
PROXY_LOGIN = (
    "the proxy in front of it requires a sign-in",
    "Add the name and password to HTTP_PROXY or HTTPS_PROXY where this app was started.",
)
_CHECK_PROXY = "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY where this app was started."
_NOT_NOW = (
    "its certificate isn't valid now",
    "Renew it, or check the clocks of both machines.",
)
_ANOTHER = (
    "its certificate is for another address",
    "Use the host name that the certificate is for.",
)
# OpenSSL's X509_V_ERR_… -> (reason, hint)
_CERTIFICATE: Mapping[int, tuple[str, str]] = MappingProxyType(
    {9: _NOT_NOW, 10: _NOT_NOW, 62: _ANOTHER, 64: _ANOTHER}
)
_NOT_TRUSTED = (
    "its certificate is not trusted",
    "Name its CA certificate: --server-ca FILE.",
)

# OpenSSL's reasons if the peer doesn't speak TLS; the names differ between versions.
_NO_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"}
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")


def not_reached(name: str, why: str) -> str:
    """Return the sentence that names the reason, in English, why the server can't be reached."""
    return message("{server} cannot be reached: {why}.", server=name, why=why)


def unreachable(error: BaseException, name: str) -> ServerUnreachable:
    """Return the error for an unanswered call. `name` is the server's name in the sentence."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case ssl.SSLCertVerificationError(verify_code=code):
                why, hint = _CERTIFICATE.get(code, _NOT_TRUSTED)
                return ServerUnreachable(not_reached(name, why), hint, passing=False)
            case ssl.SSLError(reason=str(reason)) if reason in _NO_TLS:
                sentence = not_reached(name, "it does not speak TLS")
                return ServerUnreachable(sentence, CHECK, passing=False)
            case ProxySchemeUnknown():
                sentence = not_reached(name, "the proxy in front of it has an unknown type")
                return ServerUnreachable(sentence, _CHECK_PROXY, passing=False)
            case OSError() if refused := _TUNNEL.search(str(cause)):
                return _refused_by_proxy(int(refused[1]), name)
    for cause in causes:
        match cause:
            case ProxyError():
                sentence = not_reached(name, "nothing answers at the proxy in front of it")
                return ServerUnreachable(sentence, _CHECK_PROXY)
            case socket.gaierror():
                sentence = not_reached(name, "there is no host of that name")
                return ServerUnreachable(sentence, CHECK)
            case ConnectionRefusedError():
                return ServerUnreachable(
                    message("Can't reach {server}: nothing responds at this address.", server=name),
                    CHECK,
                )
            case ConnectTimeoutError():
                return ServerUnreachable(
                    message("Can't reach {server}: nothing responds at this address.", server=name),
                    CHECK,
                )
            case TimeoutError():
                return ServerUnreachable(
                    message("{server} took too long to answer.", server=name),
                    message("Try again in a moment."),
                )
    return ServerUnreachable(message("Can't reach {server}.", server=name), CHECK)


def _refused_by_proxy(status: int, name: str) -> ServerUnreachable:
    if status == 407:
        why, hint = PROXY_LOGIN
        return ServerUnreachable(not_reached(name, why), hint, passing=False)
    sentence = not_reached(name, f"the proxy in front of it refused the connection ({status})")
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
