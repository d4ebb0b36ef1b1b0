"""Serving the page's script to the browser."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import pytest
import requests
from babel.messages.extract import extract

from tests.support.serving import RunningApp, running_demo_app
from tests.support.waiting import LONGEST_WAIT
from tools.messages import KEYWORDS
from ui.page.script_files import modules, preload_tags, script_address
from ui.settings.web_settings import WebSettings


@pytest.fixture(scope="module")
def app(own_temporary_folder: object) -> Iterator[RunningApp]:
    with running_demo_app(settings=WebSettings(port=0, users=(("ann", "secret"),))) as (_, running):
        yield running


@pytest.fixture(scope="module")
def ann(app: RunningApp) -> Iterator[requests.Session]:
    """Yield a browser in which ann is signed in."""
    with requests.Session() as browser:
        login = {"username": "ann", "password": "secret"}
        assert browser.post(f"{app.url}/login", login, timeout=LONGEST_WAIT).ok
        yield browser


@pytest.mark.parametrize("name", ["page.js", "pages/sign_in.js"])
def test_the_script_is_served_as_one_file(
    app: RunningApp, ann: requests.Session, name: str
) -> None:
    """The app serves JavaScript that browsers may cache permanently. Before sign-in, it serves only
    the sign-in page's script."""
    address = f"{app.url}/{script_address(name)}"
    answer = ann.get(address, timeout=LONGEST_WAIT)
    to_anybody = requests.get(address, timeout=LONGEST_WAIT).status_code
    assert to_anybody == (200 if name == "pages/sign_in.js" else 401)
    assert "export const load" in answer.text
    assert answer.headers["content-type"].partition(";")[0] == "text/javascript"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "script/0000000000000000/page.js",
        script_address("page.js").replace("page.js", "package.json"),
        script_address("page.js").replace("page.js", "../../ui/page/blocks.py"),
        script_address("pages/sign_in.js").replace("sign_in.js", "page.js"),
    ],
)
def test_nothing_else_is(app: RunningApp, path: str) -> None:
    """The app serves no other file. It serves no other version, because a browser would cache that
    under the wrong name."""
    assert requests.get(f"{app.url}/{path}", timeout=LONGEST_WAIT).status_code in (401, 404)


def test_signing_in_loads_its_files(app: RunningApp, ann: requests.Session) -> None:
    """The sign-in page loads only a few modules. The main page requests its own script
    immediately."""
    page, sign_in = (
        ann.get(f"{app.url}/{script_address(name)}", timeout=LONGEST_WAIT).text
        for name in ("page.js", "pages/sign_in.js")
    )
    assert '"pages/sign_in.js": async' in sign_in
    assert '"pages/sign_in.js": async' not in page
    assert len(sign_in) < len(page) / 9
    assert f'<link rel="modulepreload" href="{script_address("page.js")}">' in preload_tags()


def test_every_module_is_typed() -> None:
    """Each module enables type checks with `// @ts-check`. Plugins' modules know the types of what
    the app answers."""
    for name, text in modules().items():
        assert text.startswith("// @ts-check\n"), name
        assert not name.startswith("parts/") or not re.search(r"[{<|,(:] ?any ?[}>|,)\[]", text)


def test_every_sentence_of_the_script_is_extracted() -> None:
    """Each sentence is a literal in a call outside other calls and templates. Babel misses all
    other sentences, and no catalog would have them."""
    said = re.compile(r'(?<!function )\b(?:message|plural)\((\s*"(?:[^"\\]|\\.)*")?')
    for name, text in modules().items():
        calls = said.findall(text)
        found = list(extract("javascript", io.BytesIO(text.encode()), KEYWORDS, [], {}))
        assert len(found) == len(calls), (name, calls)
        assert all(calls), name
