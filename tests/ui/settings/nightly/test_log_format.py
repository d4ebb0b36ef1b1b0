"""The log as text and as JSON."""

from __future__ import annotations

import json

import requests

from comfyui_standin import DemoServer
from tests.attacks.people import SECRET
from tests.support.app_process import started
from tests.support.waiting import LONGEST_WAIT
from ui.settings.logs import LINES


def test_json_lines_follow_each_run() -> None:
    """Every line is a JSON object. Each of any number of runs logs a line at its start and one at
    its end, with server, phase and seconds. No line reveals the run's content."""
    user_info = "anna:pass%20word"
    with DemoServer(step_seconds=0, load_seconds=0) as demo:
        server = demo.url.replace("//", f"//{user_info}@")
        with started("--server", server, "--log-format", "json") as one:
            runs = [a_run(one.url) for _ in range(LINES + 1)]
            assert one.end() == 0
    lines = [json.loads(line) for line in one.said().splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    told = {run: [line for line in lines if line.get("run") == run] for run in runs}
    for run in runs:
        begins, ends = (line for line in told[run] if "seconds" in line)
        assert "begins" in begins["message"]
        assert ends["phase"] == "done"
        assert begins["server"] == ends["server"] == demo.url
        assert 0 <= begins["seconds"] <= ends["seconds"]
    for secret in (SECRET, "a.secret", user_info, "pass"):
        assert secret not in one.said()


def a_run(url: str) -> str:
    """Run a workflow to its end as a script does, and return its ID."""
    values = {"2.text": SECRET, "5.steps": 1, "4.width": 256, "4.height": 256}
    answer = requests.post(
        f"{url}/api/v1/workflows/text-to-image/runs?wait=true",
        json={"values": values | {"7.filename_prefix": "a.secret"}},
        timeout=LONGEST_WAIT,
    )
    return str(answer.json()["id"])
