"""The history over HTTP: listing, search, run again, deletion and privacy."""

from __future__ import annotations

from pathlib import Path

from comfy.comfyui.protocol.run_state import Phase
from comfyui_standin import DemoServer
from tests.support.http_client import ANN, BOB, finished, get, start
from tests.support.serving import (
    PAINTED,
    running_app,
)
from tests.ui.api.page.test_history import QUICK, ask, past, photo
from ui.web.urls import file_address


def test_everything_outlives_both_programs(tmp_path: Path) -> None:
    """After a restart of both programs, the run's end has the same words, although the ComfyUI
    server hasn't listed its nodes yet. The list, files and values are still there, and the user can
    repeat the run."""
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, data=tmp_path) as app,
    ):
        run = finished(start(app, "image-to-image", **QUICK, **{"4.image": photo()}))
        (listed,) = past(app)
        told = get(app, f"/api/v1/runs/{run.id}?with_page=true").json()
        data = get(app, file_address(run.id, 0, run.state.files[0])).content
    with (
        DemoServer(step_seconds=0, painted=PAINTED) as demo,
        running_app(demo.url, data=tmp_path) as app,
    ):
        assert get(app, f"/api/v1/runs/{run.id}?with_page=true").json() == told
        assert told["seeds"]
        assert told["page"]["caption"]["model"]
        assert past(app) == [listed]
        assert get(app, listed["page"]["thumb"]).status_code == 200
        assert get(app, file_address(run.id, 0, run.state.files[0])).content == data
        assert get(app, f"/files/{run.id}/all.zip").status_code == 200
        assert get(app, f"/files/{run.id}/0/x.png", BOB).status_code == 404
        place = get(app, f"/api/v1/runs/{run.id}/values").json()["values"]["4.image"]["file"]
        assert app.services.copies.uploads.find(f"browser:{ANN}", place)
        new = ask(app, "POST", f"/api/v1/runs/{run.id}/again").json()["id"]
        assert finished(app.services.runs.get(new, f"browser:{ANN}")).state.phase is Phase.DONE
