"""What one rude visitor can take from all others: their own share at most. With small limits, so
that seconds do; `python -m tests.benchmarks rude` has the figures at full size."""

from __future__ import annotations

import requests

from comfy.media.checks import MIB
from tests.security.test_availability import JSON, begun, sent, status
from tests.support.serving import RunningApp
from tests.support.waiting import LONGEST_WAIT


def test_finding_15_bodies_are_as_small_as_their_path_needs(app: RunningApp) -> None:
    """Only a script's call may carry files."""
    for path, answer in (
        ("run/predict", 413),
        ("queue/join", 413),
        ("cancel", 413),
        ("call/workflows", 413),
    ):
        with sent(app, *begun(f"/gradio_api/{path}", 5 * MIB)) as connection:
            assert status(connection) == answer, path
    large = b'{"data": ["nothing", {"2.text": "' + b"x" * 5 * MIB + b'"}%b]}'
    kind = {"content-type": JSON}
    for name, more in (("run", b""), ("chain", b""), ("batch", b", {}")):
        path = f"{app.url}/gradio_api/call/{name}"
        called = requests.post(path, large % more, headers=kind, timeout=LONGEST_WAIT)
        assert called.status_code == 200, name
        event = called.json()["event_id"]
        told = requests.get(f"{path}/{event}", timeout=LONGEST_WAIT).text
        assert "not found" in told, name
