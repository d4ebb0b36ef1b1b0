"""The app builds the form behind a page once for many visits."""

from __future__ import annotations

from tests.support.gradio_calls import PageCalls
from tests.support.http_client import ANN, finished, get, messages, watching
from tests.support.serving import running_demo_app


def test_a_form_is_built_once_for_a_press() -> None:
    """The app builds the form once to draw it, start a run, report the end to two tabs, show the
    run and fill the form again."""
    with running_demo_app(step_seconds=0) as (_, app):
        _, drawn = app.services.forms.form("text-to-image", f"browser:{ANN}")
        page = PageCalls(app).open("text-to-image")
        run_id = page.said(page.press())["run"]
        with watching(app, run_id) as one, watching(app, run_id) as another:
            for tab in (one, another):
                assert [told for told in messages(tab) if isinstance(told, dict)][-1][
                    "phase"
                ] == "done"
        finished(app.services.runs.get(run_id, f"browser:{ANN}"))
        assert get(app, f"/api/v1/runs/{run_id}?with_page=true").json()["phase"] == "done"
        assert get(app, f"/api/v1/runs/{run_id}/values").json()["workflow"] == "text-to-image"
        page.open("text-to-image")
        assert app.services.forms.form("text-to-image", f"browser:{ANN}")[1] is drawn
