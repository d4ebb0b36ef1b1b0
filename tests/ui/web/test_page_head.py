"""The app's part of the head of Gradio's page."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from ui.gradio import internals as gradio_internals


def page() -> str:
    """Return Gradio's page as it is now served."""
    template = gradio_internals.templates.get_template("frontend/index.html")
    app = gradio_internals.App()
    gradio_internals.show_first(app, lambda _: "<main></main>")
    request = Request({"type": "http", "app": app})
    return str(template.render(config={}, gradio_api_info=None, request=request))


def test_tags_appear_although_the_page_was_served_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tags appear even if this process has already served the page without them."""
    env = gradio_internals.templates.env
    loader = env.loader
    assert loader is not None
    monkeypatch.setattr(env, "globals", dict(env.globals))
    monkeypatch.setattr(env, "cache", type(env.cache)(10))  # type: ignore[misc, call-arg]
    monkeypatch.setattr(loader, "get_source", loader.get_source)  # put back at the end
    page()
    style = '<link rel="stylesheet" href="page.css">'
    gradio_internals.fill_document(
        '<meta name="first">', lambda _: style, lambda: 'lang="pl"', lambda: ""
    )
    assert '<meta name="first">' in page()
    assert '<html\n\tlang="pl"' in page()
    head, _, body = page().partition("<main></main>")
    for needed in ("window.gradio_config =", 'rel="stylesheet"'):
        assert needed not in head
        assert body.count(needed) == 1
