"""Files and forms for programs: each way to send a file, and the values that workflows accept."""

from __future__ import annotations

import base64
from typing import Any

from tests.support.serving import RunningApp
from tests.ui.api.api_calls import run_of
from tests.ui.api.test_values import FAST, FIELD, PNG, uploaded

TEXT = base64.b64encode(PNG).decode()


def test_a_file_is_sent_in_any_of_four_ways(app: RunningApp) -> None:
    """A client sends an earlier upload, base64, a data: address, or an earlier run's result."""
    earlier = run_of(app)
    ways: list[Any] = [
        uploaded(app),
        {"base64": TEXT, "name": "mine.png"},
        f"data:image/png;base64,{TEXT}",
        {"run": earlier["id"], "file": 0},
    ]
    for way in ways:
        run = run_of(app, "image-to-image", {**FAST, FIELD: way})
        assert run["phase"] == "done"
        assert run["inputs"][FIELD].endswith(".png")
        assert run["parents"] == ([earlier["id"]] if isinstance(way, dict) and "run" in way else [])
