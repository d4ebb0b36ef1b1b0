"""Elastic servers on the administrator's page."""

from __future__ import annotations

import time

from comfy.scaling.scaler import ScaleStatus
from comfy.scaling.store import CommandProblem, ServerRow
from ui.administration.overview import Overview
from ui.operator.page import overview_body

ROW = ServerRow(1, "cloud-1", "cloud", 1, "up", 0.0, 0.0, "http://gpu:8188")


def test_servers_and_failures_are_shown() -> None:
    """The page says how many servers are up, and why a command failed."""
    problem = CommandProblem("No quota for <L4>", 2, time.time() - 60)
    status = ScaleStatus("cloud", 3, (ROW,), (("up", problem),))
    body = overview_body(Overview((), (), scales=(status,)), None)
    assert "<b>cloud</b> · Up: 1 of 3" in body
    assert "The command “up” failed. No quota for &lt;L4&gt; · " in body


def test_left_over_servers_are_named() -> None:
    status = ScaleStatus("cloud", 0, (ROW,), (), is_known=False)
    body = overview_body(Overview((), (), scales=(status,)), None)
    assert "Stop its servers yourself. http://gpu:8188" in body


def test_an_app_without_elastic_servers_has_no_such_section() -> None:
    assert "Elastic servers" not in overview_body(Overview((), ()), None)
    assert "Elastic servers" in overview_body(Overview((), (), scales=None), None)
