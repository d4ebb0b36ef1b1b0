"""Elastic servers on the administrator's page."""

from __future__ import annotations

import html
import time

from comfyforms.plugins.scaling.page import scales_section
from comfyforms.plugins.scaling.scaler import ScaleStatus
from comfyforms.plugins.scaling.store import CommandProblem, ServerRow

ROW = ServerRow(1, "cloud-1", "cloud", 1, "up", 0.0, 0.0, "http://gpu:8188")


def test_servers_and_failures_are_shown() -> None:
    """The page says how many servers are up, and why a command failed."""
    problem = CommandProblem("No quota for <L4>", 2, time.time() - 60)
    status = ScaleStatus("cloud", 3, (ROW,), (("up", problem),))
    body = scales_section((status,))
    assert "<b>cloud</b> · Up: 1 of 3" in body
    assert "The command “up” failed. No quota for &lt;L4&gt; · " in body


def test_left_over_servers_are_named() -> None:
    status = ScaleStatus("cloud", 0, (ROW,), (), is_known=False)
    body = scales_section((status,))
    assert "Stop its servers yourself. http://gpu:8188" in body


def test_the_section_stays_while_the_database_is_away() -> None:
    """The page names the section and says why it is empty."""
    body = scales_section(None)
    assert "Elastic servers" in body
    assert "The database doesn't answer." in html.unescape(body)
