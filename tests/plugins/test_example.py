"""The example in docs/plugins.md works as it is written there."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator

import pytest
import requests

from tests.plugins.example import (
    ADDRESS,
    LABEL,
    PAGE_ADDRESS,
    PAGE_LABEL,
    ROOT,
    example_files,
    installed_example,
)
from tests.support.environments import serving
from tests.support.waiting import LONGEST_WAIT
from tests.ui.api.api_calls import PROBLEM, QUICK


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the app with the installed example."""
    packages = installed_example(tmp_path_factory.mktemp("example"))
    data = tmp_path_factory.mktemp("data")
    variables = {"PYTHONPATH": str(packages), "COMFYFORMS_DATA": str(data), "COMFYFORMS_PORT": "0"}
    with serving([sys.executable, "app.py"], ROOT, COMFYFORMS_SERVER="", **variables) as address:
        yield address


@pytest.fixture
def browser(url: str) -> Iterator[requests.Session]:
    """Return a browser that has opened the page."""
    with requests.Session() as session:
        session.get(url, timeout=LONGEST_WAIT)
        yield session


def test_the_example_is_as_short_as_promised() -> None:
    """The plugin's code has at most 30 lines."""
    code = example_files()["picture_size.py"]
    assert len(code.splitlines()) <= 30


def test_the_page_lists_the_action(url: str, browser: requests.Session) -> None:
    """The page's script reads the actions from the document's head."""
    page = browser.get(url, timeout=LONGEST_WAIT).text
    (listed,) = re.findall(r'<script type="application/json" id="result-actions">(.*?)<', page)
    assert json.loads(listed) == [{"label": LABEL, "address": ADDRESS, "kinds": ["image"]}]


def test_the_header_links_to_the_page(url: str, browser: requests.Session) -> None:
    """The page has the app's look, the label as heading, and links to the app and plugins' pages."""
    drawn = browser.get(f"{url}/config", timeout=LONGEST_WAIT).json()["components"]
    (link,) = (one["props"] for one in drawn if one["props"].get("value") == PAGE_LABEL)
    assert link["elem_classes"] == ["plugin-page"]
    assert link["html_template"] == f'<a href=".{PAGE_ADDRESS}">${{value}}</a>'
    page = browser.get(f"{url}{PAGE_ADDRESS}", timeout=LONGEST_WAIT)
    assert f"<h1>{PAGE_LABEL}</h1>\n<p>Choose" in page.text
    assert ' href="./">Create</a>' in page.text
    assert f' href="{PAGE_ADDRESS[1:]}" aria-current="page">{PAGE_LABEL}</a>' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_the_route_answers_the_owner_of_a_result(url: str, browser: requests.Session) -> None:
    """The plugin reads the result's file. Another user gets the same answer as for a result that
    doesn't exist."""
    made = browser.post(
        f"{url}/api/v1/workflows/text-to-image/runs?wait=true",
        json={"values": QUICK},
        timeout=LONGEST_WAIT,
    )
    chosen = {"run": made.json()["id"], "file": 0}
    answer = browser.post(f"{url}{ADDRESS}", json=chosen, timeout=LONGEST_WAIT)
    assert answer.json() == {"message": "256 × 256"}
    for missing in (chosen | {"file": 9}, chosen | {"file": -1}, chosen | {"run": "none"}):
        refused = browser.post(f"{url}{ADDRESS}", json=missing, timeout=LONGEST_WAIT)
        assert (refused.status_code, refused.headers["content-type"]) == (404, PROBLEM)
    stranger = requests.post(f"{url}{ADDRESS}", json=chosen, timeout=LONGEST_WAIT)
    assert stranger.status_code == 404
    assert stranger.json() == refused.json()
