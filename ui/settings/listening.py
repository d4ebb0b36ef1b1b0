"""Check whether the app can listen on its port, before it starts anything."""

from __future__ import annotations

import errno
import os
import socket


def port_problem(host: str, port: int) -> str:
    """Return why the app can't listen on this port, "" if nothing stands against it. Other problems
    with the address are left to the web server."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        return ""
    for family, kind, protocol, _, place in places:
        match _refusal(family, kind, protocol, place):
            case errno.EADDRINUSE:
                return (
                    f"Port {port} is in use by another program."
                    f" Choose another one, such as --port {port + 1 if port < 65535 else 7860}."
                )
            case errno.EACCES:
                return f"Port {port} is reserved. Choose one above 1023, such as --port 7860."
    return ""


def _refusal(family: int, kind: int, protocol: int, place: tuple[object, ...]) -> int | None:
    try:
        with socket.socket(family, kind, protocol) as trial:
            if os.name == "posix":  # as the web server does: a port of an ended program is free
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            trial.bind(place)
    except OSError as problem:
        return problem.errno
    return None
