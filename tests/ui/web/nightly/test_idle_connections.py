"""Connections that a browser keeps between two requests."""

from __future__ import annotations

import socket

import pytest

from tests.support.serving import RunningApp
from tests.ui.web.test_socket_limits import silent

REQUEST = b"GET /robots.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
THOUGHT = 7.0  # seconds; a user thinks longer than that between two presses


def test_a_press_after_some_thought_needs_no_new_connection(app: RunningApp) -> None:
    """A new connection costs one round trip, and two or three with TLS."""
    with silent(app, REQUEST) as connection:
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200")
        connection.settimeout(THOUGHT)
        with pytest.raises(socket.timeout):
            connection.recv(1)  # it would return at once if the app had closed the connection
        connection.sendall(REQUEST)
        assert connection.recv(10_000).startswith(b"HTTP/1.1 200")
