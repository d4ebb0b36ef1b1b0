"""The log lines of a started app."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import segno

from tests.support.waiting import IMPORTING
from ui.settings.start_lines import Reach, show_code, start_lines, start_warnings
from ui.settings.web_settings import WebSettings

ROOT = Path(__file__).parents[3]
TOKEN = "x" * 43


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_a_local_app_shows_only_its_address(host: str) -> None:
    """The app draws no QR code either."""
    (line,) = start_lines(Reach(host, 7860))
    shown = f"[{host}]" if ":" in host else host
    assert line == f"Open http://{shown}:7860 in a browser."
    terminal = Terminal()
    show_code(Reach(host, 7860), terminal)
    assert terminal.getvalue() == ""


def test_the_start_lines_show_who_can_use_the_app() -> None:
    """The lines say how to require sign-in if the app doesn't, and show the link for guests."""
    _, everybody = start_lines(Reach("10.1.2.3", 80))
    assert "No sign-in is required." in everybody
    assert "app.py user add" in everybody
    _, people, guests = start_lines(Reach("10.1.2.3", 80, signs_in=True, share_link=TOKEN))
    assert people.endswith("use http://10.1.2.3:80. Users must sign in.")
    assert guests == f"Link for guests: http://10.1.2.3:80/join/{TOKEN}"
    *_, behind = start_lines(Reach("10.1.2.3", 80, "/forms", True, TOKEN, proxied=True))
    assert behind == f"Link for guests: /join/{TOKEN}"


def test_finding_s24_a_container_without_a_proxy_is_warned() -> None:
    """All visitors may seem to have the address of the container's network."""
    (said,) = start_warnings(Reach("0.0.0.0", 80, contained=True))
    assert "--trusted-proxies ADDRESS" in said
    assert not start_warnings(Reach("0.0.0.0", 80))
    assert not start_warnings(Reach("127.0.0.1", 80, contained=True, unencrypted=True))


@pytest.mark.parametrize(
    ("trusted", "contained"), [((), True), (("127.0.0.1", "::1"), True), (("172.18.0.1",), False)]
)
def test_a_container_trusts_a_proxy_that_is_named(
    monkeypatch: pytest.MonkeyPatch, trusted: tuple[str, ...], contained: bool
) -> None:
    """A loopback address inside the container can't be a proxy's address."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert WebSettings(host="0.0.0.0", trusted_proxies=trusted).is_contained is contained


def test_on_a_space_the_secret_is_named() -> None:
    """Users can't run commands on a Space."""
    script = "from ui.settings.start_lines import *; print(*start_lines(Reach('10.1.2.3', 80)))"
    said = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "SPACE_ID": "somebody/forms"},
        capture_output=True,
        text=True,
        check=True,
        timeout=IMPORTING,
    ).stdout
    assert "the secret COMFYFORMS_LOGIN" in said
    assert "app.py" not in said


def test_behind_a_proxy_the_public_address_is_shown() -> None:
    """If a proxy is certain to stand in front, the lines use the names from the settings. The app's
    own address is for the proxy, which removes the path."""
    settings = WebSettings(root_path="/forms", hosts=("forms.example", "10.0.0.7", ""))
    assert settings.has_proxy
    names = ("forms.example", "10.0.0.7")
    behind = Reach("127.0.0.1", 7860, "/forms", True, TOKEN, proxied=True, names=names)
    first, others, guests = start_lines(behind)
    assert first == (
        "Open https://forms.example/forms in a browser."
        " The proxy must connect to http://127.0.0.1:7860."
    )
    assert others == (
        "Behind the proxy, its address is https://forms.example/forms, https://10.0.0.7/forms."
        " Users must sign in."
    )
    assert guests == f"Link for guests: https://forms.example/forms/join/{TOKEN}"
    nameless = start_lines(Reach("10.1.2.3", 80, "/forms", proxied=True))
    assert nameless[0] == (
        "Open /forms at the proxy in a browser. Set the proxy's host name with --hosts."
        " The proxy must connect to http://10.1.2.3:80."
    )
    assert nameless[1].startswith("Behind the proxy, its path is /forms. No sign-in is required.")
    _, both = start_lines(Reach("10.1.2.3", 80, proxied=True, names=("forms.example",)))
    assert both.startswith(
        "Other machines on the network use http://10.1.2.3:80."
        " Behind the proxy, its address is https://forms.example. No sign-in is required."
    )
    assert WebSettings(hosts=("forms.example",)).has_proxy
    network = WebSettings("0.0.0.0", hosts=("forms.example",))
    assert not network.has_proxy
    assert replace(network, trusted_proxies=("10.0.0.7",)).has_proxy
    assert not WebSettings("0.0.0.0", trusted_proxies=("10.0.0.7",)).has_proxy


def test_without_a_proxy_the_settings_name_the_port() -> None:
    """The link for guests has the name, not the address behind it."""
    named = Reach("10.1.2.3", 80, signs_in=True, share_link=TOKEN, names=("forms.lan",))
    assert start_lines(named) == [
        "Open http://forms.lan:80 in a browser.",
        "Other machines on the network use http://forms.lan:80, http://10.1.2.3:80."
        " Users must sign in.",
        f"Link for guests: http://forms.lan:80/join/{TOKEN}",
    ]


@pytest.mark.parametrize(
    ("reach", "address"),
    [
        (Reach("10.1.2.3", 80), "http://10.1.2.3:80"),
        (Reach("10.1.2.3", 80, names=("forms.lan",)), "http://forms.lan:80"),
        (Reach("10.1.2.3", 80, share_link=TOKEN), f"http://10.1.2.3:80/join/{TOKEN}"),
        (Reach("127.0.0.1", 80, proxied=True, names=("forms.example",)), "https://forms.example"),
        (Reach("10.1.2.3", 80, proxied=True), ""),
    ],
)
def test_a_code_is_drawn_for_phones(reach: Reach, address: str) -> None:
    """The app draws the code only in a terminal, and only if phones can reach the app at an address
    that it knows."""
    terminal, file, expected = Terminal(), io.StringIO(), io.StringIO()
    for to in (terminal, file):
        show_code(reach, to)
    if address:
        segno.make_qr(address).terminal(expected, compact=True)
    assert terminal.getvalue() == expected.getvalue()
    assert file.getvalue() == ""
