"""The administrator's page: its figures, its buttons and its access rules."""

from __future__ import annotations

import io

import pytest
import requests
from PIL import Image

from comfy.runs.interface import Origin, RunPolicy
from tests.security.signing_in import signed_in
from tests.support.sampler import LONG, job
from tests.support.serving import running_app
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.operator.conftest import ANNA, BEN, Place, hidden
from tests.ui.operator.test_page import page, press
from ui.settings.web_settings import WebSettings


@pytest.mark.parametrize("allowed", [False, True])
def test_images_are_shown_where_the_settings_allow_it(allowed: bool, place: Place) -> None:
    """Only administrators see the images, and only of active runs. Without the setting, only the
    run's owner sees them."""
    settings = WebSettings(port=0, users=(ANNA, BEN), operator_images=allowed)
    permissions = place.app.services.forms.permissions
    with (
        running_app(hidden(place.one.url), settings=settings, permissions=permissions) as app,
        signed_in(app, ANNA) as anna,
        signed_in(app, BEN) as ben,
        requests.Session() as nobody,
    ):
        run = app.runs.submit(job(LONG), Origin("user:carla"), RunPolicy(keeps_going=True))
        image = f"{app.url}/operator/runs/{run.id}/preview"
        eventually(lambda: run.state.preview_number > 0)
        shown = anna.get(f"{app.url}/operator", timeout=LONGEST_WAIT).text
        assert (f'<img src="operator/runs/{run.id}/preview?' in shown) is allowed
        answer = anna.get(image, timeout=LONGEST_WAIT)
        assert answer.status_code == (200 if allowed else 404)
        if allowed:
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.headers["cache-control"] == "no-store"
            Image.open(io.BytesIO(answer.content)).verify()
        foreign = {"Origin": "https://evil.example"}
        assert anna.get(image, headers=foreign, timeout=LONGEST_WAIT).status_code == 401
        assert ben.get(image, timeout=LONGEST_WAIT).status_code == 404
        assert nobody.get(image, timeout=LONGEST_WAIT).status_code == 401
        run.cancel()
        eventually(lambda: run.state.phase.finished)
        for ended in (image, image.replace(run.id, "x")):
            assert anna.get(ended, timeout=LONGEST_WAIT).status_code == 404


def test_its_buttons_drain_and_restore_a_server_and_free_memory(place: Place) -> None:
    """Each button redirects to the page, which shows the new state. The app reports a server that
    refuses the request."""
    _, other = place.app.services.servers.servers
    assert press(place, place.anna, "pause", 1) == 303
    assert other.drained
    assert "Paused" in page(place)
    assert press(place, place.anna, "resume", 1) == 303
    assert not other.drained
    assert "Paused" not in page(place)
    assert press(place, place.anna, "free", 1) == 303
    assert place.other.requests["POST /free"] == 1
    assert place.one.requests["POST /free"] == 0
    place.other.script("http_500", at="POST /free")
    assert press(place, place.anna, "free", 1) == 409
