"""The page loads once, also with another site's resources that its policy blocks."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.support.leaks import closing
from tests.support.samples.space import PUBLIC, SPACE
from tests.support.serving import running_demo_app
from tests.support.visitor import Site, Visit, Visitor
from ui.settings.web_settings import WebSettings

FONTS = "https://fonts.example/css2?family=Sans"
# Adds a style sheet as soon as there is a head, as Gradio's script does.
ADD_FONTS = f"""new MutationObserver((_, observer) => {{
  if (!document.getElementById("first-view")) return;
  observer.disconnect();
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.onerror = () => {{ window.isBlocked = true; }};
  link.href = "{FONTS}";
  document.head.append(link);
}}).observe(document, {{ subtree: true, childList: true }});"""


def documents(person: Visitor) -> int:
    """Return how often the page was loaded since the visitor is recording."""
    return sum(urlsplit(address).path == "/" for address in person.requests)


def test_a_spaces_page_loads_once_and_asks_no_other_site(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a name of Hugging Face and with its variables, Gradio's script would ask whether the Space
    runs, and add a header with fonts and facts from other sites."""
    for name, value in SPACE.items():
        monkeypatch.setenv(name, value)
    settings = WebSettings(port=0, hosts=(PUBLIC,))
    with running_demo_app(step_seconds=0.004, settings=settings) as (demo, app):
        closing.append(app.close_idle)
        url = app.url.replace("127.0.0.1", PUBLIC)
        person = visit(Site(url, demo, app), locale="en-US").recording()
        person.open()
        person.generate()
        assert documents(person) == 1
        assert not person.outside
        person.leave()


def test_a_blocked_resource_of_another_site_loads_nothing_again(fast: Site, visit: Visit) -> None:
    """An extension of the browser may add one, too."""
    person = visit(fast, locale="en-US").recording()
    person.forgive("fonts.example")
    person.before_load(ADD_FONTS)
    person.page.goto(fast.url, wait_until="commit")
    expect(person.page.locator("#generate")).to_be_enabled()
    person.page.wait_for_function("window.isBlocked")
    assert documents(person) == 1
    person.requests.clear()
    person.failed.clear()
    person.leave()
