"""Odd paths, queries and bodies at the editor's host: each gets an answer, and none fails the app."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comfyforms.plugins.comfyui_editor.tests.conftest import AtEditor
from tests.attacks.people import ANN
from tests.support.samples.hostile import JSON
from tests.support.serving import RunningApp

PATHS = st.sampled_from(
    (
        *("/api/settings", "/api/settings/{}", "/api/userdata/{}", "/api/userdata/{}/move/{}"),
        *("/api/comfyforms/form?title={}", "/api/comfyforms/workflow?name={}", "/enter"),
        *("/api/userdata?dir={}&recurse={}", "/extensions/{}", "/api/workflow_templates/{}"),
        *("/assets/{}", "/api/{}", "/{}", "/api/global_subgraphs/{}", "/api/userdata?full_info={}"),
    )
)
NAMES = st.text(max_size=30) | st.sampled_from(("../x", "a/../../b", "%2e%2e", "user.css", "\x00"))
BODIES = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)
ALLOWED = {200, 204, 303, 400, 401, 403, 404, 405, 409, 413, 422, 502, 503}


def test_odd_requests_get_an_answer(
    app: RunningApp, editor_of: Callable[[tuple[str, str]], AtEditor]
) -> None:
    ann = editor_of(ANN)

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(("GET", "POST", "DELETE")), PATHS, NAMES, BODIES)
    def ask(method: str, path: str, name: str, body: bytes) -> None:
        address = path.format(*[quote(name, safe="", errors="replace")] * 2)
        answer = ann.ask(method, address, data=None if method == "GET" else body)
        assert answer.status_code in ALLOWED, (method, address, body, answer.text)

    ask()
    assert not app.asgi.state.failures
