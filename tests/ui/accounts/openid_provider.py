"""An OpenID provider on this machine, at which the tests' users sign in."""

from __future__ import annotations

import contextlib
import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import oidc_provider_mock
import requests
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT
from ui.accounts.openid_people import OpenIDSettings

SECRET = "hush hush"  # of the app there
ELSEWHERE = re.compile(rb"<link[^>]*https://[^>]*>")  # style sheets of its pages
PEOPLE: dict[str, dict[str, Any]] = {
    "1": {
        "name": "Anna Berg",
        "preferred_username": "anna",
        "email": "anna@example.org",
        "email_verified": True,
        "groups": ["artists", "operators"],
    },
    "2": {"name": "Ben", "email": "ben@example.org", "email_verified": True, "groups": ["artists"]},
    "3": {"name": "Carl", "email": "anna@example.org", "email_verified": False},
}


@dataclass
class StartedProvider:
    """Provider at `url`. By path, `asked` holds the latest request's parameters, `change` edits a
    request's parameters before the answer, and `told` edits the answer's JSON."""

    url: str
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    change: dict[str, Callable[[dict[str, str]], object]] = field(default_factory=dict)
    told: dict[str, Callable[[dict[str, Any]], object]] = field(default_factory=dict)
    stop: Callable[[], None] = lambda: None


@contextlib.contextmanager
def openid_provider(port: int = 0) -> Iterator[StartedProvider]:
    """Run the provider during the block."""
    users = [oidc_provider_mock.User(sub=sub, claims=told) for sub, told in PEOPLE.items()]
    answer = oidc_provider_mock.app(user_claims=users).wsgi_app
    provider = StartedProvider("")

    def watched(environ: dict[str, Any], start: Any) -> Any:
        path = environ["PATH_INFO"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        provider.asked[path] = query | dict(parse_qsl(body))
        provider.change.get(path, lambda _: None)(query)
        environ["QUERY_STRING"] = urlencode(query)
        environ["wsgi.input"] = io.BytesIO(body.encode())
        response = Response.from_app(answer, environ)
        response.set_data(ELSEWHERE.sub(b"", response.get_data()))
        if path in provider.told:
            answered = json.loads(response.get_data())
            provider.told[path](answered)
            response.set_data(json.dumps(answered))
        return response(environ, start)

    server = make_server("127.0.0.1", port, watched, threaded=True)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(LONGEST_WAIT)

    provider.stop = stop
    try:
        yield provider
    finally:
        stop()


def settings_of(provider: StartedProvider) -> OpenIDSettings:
    artists, operators = ("group:artists",), ("group:operators",)
    return OpenIDSettings(provider.url, "forms", SECRET, "Example", artists, operators)


def sent_to(browser: requests.Session, address: str, **form: str) -> str:
    """Send a GET, or a POST if there is a form, and return the target of the redirect. Any other
    answer fails the test."""
    method = "POST" if form else "GET"
    answer = browser.request(
        method, address, data=form or None, allow_redirects=False, timeout=LONGEST_WAIT
    )
    assert answer.is_redirect, answer.text
    return answer.headers["location"]


def sign_in_as(
    app: RunningApp, browser: requests.Session, person: str, to: str = "/"
) -> requests.Response:
    form = sent_to(browser, f"{app.url}/login/openid?{urlencode({'to': to})}")
    back = sent_to(browser, form, sub=person)
    assert urlsplit(back).path == "/login/openid/callback"
    return browser.get(back, allow_redirects=False, timeout=LONGEST_WAIT)
