"""Every answer is in the reader's language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import websocket

from comfy.runs.interface import UNWATCHED, Origin
from tests.support.languages.catalogs import write_catalog
from tests.support.leaks import closing
from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from ui.gradio.internals import JOIN
from ui.languages.catalogs import Languages
from ui.settings.web_settings import WebSettings

POLISH = {
    "This result no longer exists.": "Ten wynik już nie istnieje.",
    "SVG drawings can't be used as images. Save it as PNG first.": "To jest rysunek.",
    "Done in {duration}": "Gotowe w {duration}",
    "Done": "Gotowe",
    "Generate": "Generuj",
    "Shortcuts": "Klawisze",
    "Sign in": "Zaloguj się",
    "Sign in first.": "Najpierw się zaloguj.",
    "ComfyForms couldn't process this request. Reload the page and try again.": "Nie udało się.",
}
NO_RESULT = "This result no longer exists."
GONE = POLISH[NO_RESULT]


@pytest.fixture(scope="module")
def languages(tmp_path_factory: pytest.TempPathFactory) -> Languages:
    """Return English and Polish."""
    folder = tmp_path_factory.mktemp("languages")
    write_catalog(folder, "pl", POLISH)
    return Languages(folder)


@pytest.fixture(scope="module")
def app(languages: Languages, own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Run an app that has both languages."""
    settings = WebSettings(port=0, languages=languages)
    with running_demo_app(step_seconds=0, settings=settings) as (_, app):
        closing.append(app.close_idle)
        yield app


def asked(app: RunningApp, path: str, chosen: str = "", wanted: str = "") -> requests.Response:
    headers = {"Accept-Language": wanted, "Cookie": f"language={chosen}"}
    return requests.get(app.url + path, headers=headers, timeout=LONGEST_WAIT)


def test_every_way_out_speaks_the_language(app: RunningApp) -> None:
    """Routes, the Gradio allowlist, Gradio's page config and the page's own head all use the
    language."""
    drawing = {"data": [{"url": "data:image/svg+xml,"}]}
    headers = {"Cookie": "language=pl"}
    answer = requests.post(app.url + JOIN, json=drawing, headers=headers, timeout=LONGEST_WAIT)
    assert answer.json()["error"] == "To jest rysunek."
    config = asked(app, "/config", "pl").text
    assert "Generuj" in config
    assert "Klawisze" in config
    assert "Generuj" not in asked(app, "/config", "en").text
    page = asked(app, "/", "pl").text
    assert 'lang="pl" data-language="pl" data-messages="languages/' in page
    assert '"language", {value: "pl"}' in page
    assert "data-messages" not in asked(app, "/").text


def test_errors_before_the_routes_are_translated_too(app: RunningApp) -> None:
    """The app refuses a body that is too large before any route runs."""
    headers = {"Cookie": "language=pl", "Content-Length": "20000"}
    answer = requests.post(
        f"{app.url}/language", b"x" * 20_000, headers=headers, timeout=LONGEST_WAIT
    )
    assert (answer.status_code, answer.json()["error"]) == (413, "Nie udało się.")


def test_a_run_is_shown_in_the_language_of_each_user(app: RunningApp) -> None:
    """Two users read the same run, each in their own language."""
    run = app.services.starter.start("text-to-image", {"5.steps": 1}, Origin("browser:"), UNWATCHED)
    [*run.watch()]
    address = f"{app.url.replace('http', 'ws')}/live/{run.id}"
    for chosen, word in (("pl", "Gotowe"), ("en", "Done")):
        socket = websocket.create_connection(
            address, timeout=LONGEST_WAIT, cookie=f"language={chosen}"
        )
        try:
            assert json.loads(socket.recv())["headline"].startswith(word)
        finally:
            socket.shutdown()
        told = asked(app, f"/api/v1/runs/{run.id}?with_page=true", chosen).json()
        assert told["headline"].startswith(word)


def test_a_language_can_be_chosen(app: RunningApp) -> None:
    """The app keeps the choice in a cookie. It refuses an unknown language and a request from
    another site's page."""
    address = f"{app.url}/language"
    with requests.Session() as browser:
        answer = browser.post(address, json={"tag": "pl"}, timeout=LONGEST_WAIT)
        assert answer.json() == {"language": "pl"}
        assert "Max-Age" in answer.headers["set-cookie"]
        assert (
            browser.get(f"{app.url}/files/none/0/a", timeout=LONGEST_WAIT).json()["detail"] == GONE
        )
        for tag, headers in (("de", {}), ("en", {"Origin": "https://evil.example"})):
            answer = browser.post(address, json={"tag": tag}, headers=headers, timeout=LONGEST_WAIT)
            assert answer.status_code in (403, 404)
        assert browser.cookies["language"] == "pl"


def test_a_language_can_be_chosen_before_the_login(
    languages: Languages, own_temporary_folder: Path
) -> None:
    """The sign-in page has the language menu and uses the selected language."""
    settings = WebSettings(port=0, languages=languages, users=(("anna", "lighthouse"),))
    with (
        running_demo_app(step_seconds=0, settings=settings) as (_, app),
        requests.Session() as browser,
    ):
        page = browser.get(app.url, timeout=LONGEST_WAIT).text
        assert ">Sign in</button>" in page
        assert '<option value="pl" lang="pl">Polski</option>' in page
        assert browser.post(f"{app.url}/language", json={"tag": "pl"}, timeout=LONGEST_WAIT).ok
        assert ">Zaloguj się</button>" in browser.get(app.url, timeout=LONGEST_WAIT).text
        refused = browser.get(f"{app.url}/api/v1/runs", timeout=LONGEST_WAIT)
        assert refused.json()["detail"] == POLISH["Sign in first."]


def test_the_scripts_messages_are_cached_permanently(app: RunningApp) -> None:
    """The address changes with the messages. Any other address answers 404."""
    page = asked(app, "/", "pl").text
    path = page.partition('data-messages="')[2].partition('"')[0]
    answer = requests.get(f"{app.url}/{path}", timeout=LONGEST_WAIT)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    for other in ("languages/0/pl.js", path.replace("pl.js", "en.js"), path.replace("pl.js", "xx")):
        assert requests.get(f"{app.url}/{other}", timeout=LONGEST_WAIT).status_code == 404


@pytest.mark.parametrize(
    ("chosen", "wanted", "said"),
    [
        ("", "", NO_RESULT),
        ("", "pl-PL, en;q=0.8", GONE),
        ("", "fr, pl;q=0.5", GONE),
        ("en", "pl", NO_RESULT),
        ("pl", "en", GONE),
        ("xx", "pl", GONE),
        ('"', "pl", GONE),
    ],
)
def test_the_chosen_language_precedes_the_browsers(
    app: RunningApp, chosen: str, wanted: str, said: str
) -> None:
    """The menu's choice comes first, then the browser's first available language. The app ignores
    malformed cookies."""
    assert asked(app, "/files/none/0/a.png", chosen, wanted).json()["detail"] == said
