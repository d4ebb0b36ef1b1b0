"""The custom node obeys signed requests of the app, once each, and no browser."""

from __future__ import annotations

import time

import pytest

from comfyforms.comfyui_node.signing import SignatureCheck, SignatureRefused, signed_headers

SECRET = "a-secret-of-both-that-is-long"
BODY = b'{"orders": []}'
PATH = "/comfyforms/downloads"


def sent(**changes: str) -> dict[str, str]:
    return signed_headers(SECRET, "POST", PATH, BODY) | {"host": "a", **changes}


def test_accepts_a_signed_request() -> None:
    """Each has its own signature."""
    check = SignatureCheck(SECRET)
    check.check(sent(), "POST", PATH, BODY)
    check.check(sent(), "POST", PATH, BODY)


def test_refuses_a_replayed_request() -> None:
    """A recorded request is useless."""
    check = SignatureCheck(SECRET)
    headers = sent()
    check.check(headers, "POST", PATH, BODY)
    with pytest.raises(SignatureRefused, match="already"):
        check.check(headers, "POST", PATH, BODY)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("DELETE", PATH, BODY), ("POST", f"{PATH}/1/pause", BODY), ("POST", PATH, b"{}")],
)
def test_refuses_a_changed_request(method: str, path: str, body: bytes) -> None:
    """The signature covers method, path and body."""
    with pytest.raises(SignatureRefused, match="signature"):
        SignatureCheck(SECRET).check(sent(), method, path, body)


@pytest.mark.parametrize("seconds", [-400, 400, 10**9])
def test_refuses_old_and_future_requests(seconds: float) -> None:
    """They could have been recorded before the node's numbers were forgotten."""
    check = SignatureCheck(SECRET, clock=lambda: time.time() + seconds)
    with pytest.raises(SignatureRefused, match="old"):
        check.check(sent(), "POST", PATH, BODY)


def test_a_restart_does_not_allow_replays() -> None:
    """A request from before the start is refused, because the used numbers are forgotten."""
    headers = sent()
    later = int(headers["x-comfyforms-time"]) + 10.0
    with pytest.raises(SignatureRefused, match="old"):
        SignatureCheck(SECRET, clock=lambda: later).check(headers, "POST", PATH, BODY)


@pytest.mark.parametrize(
    "name", ["origin", "referer", "cookie", "sec-fetch-site", "sec-fetch-mode", "sec-ch-ua"]
)
def test_refuses_every_browser(name: str) -> None:
    """Even with the right signature."""
    with pytest.raises(SignatureRefused, match="Browsers"):
        SignatureCheck(SECRET).check(sent(**{name: "x"}), "POST", PATH, BODY)


def test_refuses_unsigned_requests_and_other_secrets() -> None:
    """Another program in the network can't send orders."""
    check = SignatureCheck(SECRET)
    other = signed_headers("another-secret-that-is-long-too", "POST", PATH, BODY)
    for headers in (
        {},
        other,
        sent(**{"x-comfyforms-time": "١٢٣"}),
        sent(**{"x-comfyforms-once": "1"}),
        sent(**{"x-comfyforms-signature": "é" * 64}),
        sent(**{"x-comfyforms-signature": "\udce9" * 64}),
    ):
        with pytest.raises(SignatureRefused):
            check.check(headers, "POST", PATH, BODY)
