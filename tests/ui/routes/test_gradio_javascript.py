"""Runs for scripts in JavaScript: Gradio's own client, in node."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from comfy.protocol.run_state import Phase
from tests.support.samples.media import saved
from tests.support.serving import Served, running_demo_app
from tests.support.waiting import LONGEST_WAIT, eventually

SCRIPTS = Path(__file__).parents[2] / "script"
NODE = shutil.which("node")
needs_client = pytest.mark.skipif(
    not NODE or not (SCRIPTS / "node_modules" / "@gradio" / "client").is_dir(),
    reason="needs node, and: npm install --prefix tests/script --no-package-lock",
)
RUN = """
import {Client} from "@gradio/client";
const [address, values, ends] = JSON.parse(process.argv[1]);
const client = await Client.connect(address, {events: ["data", "status"]});
const run = client.submit("/run", {workflow: "image-to-image", values});
const told = [];
for await (const message of run) {
  if (message.type === "status" && message.stage === "error") throw new Error(message.message);
  if (message.type !== "data") continue;
  const [state] = message.data;
  told.push([state.phase, state.step, state.files]);
  if (ends && state.phase === "running") {
    await run.cancel();
    break;
  }
}
console.log(JSON.stringify(told));
process.exit(0);
"""


@pytest.fixture(scope="module")
def running(own_temporary_folder: Path) -> Iterator[Served]:
    """An app on a server that takes its time."""
    with running_demo_app(step_seconds=0.02) as served:
        yield served


def said(address: str, values: dict[str, Any], *, ends: bool = False) -> Any:
    """What the client is told of a run, one [phase, step, files] after the other."""
    sent = json.dumps([address, values, ends])
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", RUN, sent],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * LONGEST_WAIT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_client
def test_a_run_takes_a_file_tells_its_progress_and_gives_one(served: Served) -> None:
    """Steps as they come, the addresses of the files at the end."""
    image = f"data:image/png;base64,{base64.b64encode(saved('PNG')).decode()}"
    told = said(served[1].url, {"8.steps": 9, "4.image": image})
    assert told[-1][0] == "done"
    assert told[-1][2][0].endswith(".png")
    assert len({step for phase, step, _ in told if phase == "running"}) > 1


@needs_client
def test_a_run_that_is_cancelled_is_stopped(served: Served) -> None:
    """As soon as the client says so."""
    _, app = served
    known = set(app.runs.known())
    said(app.url, {"8.steps": 60}, ends=True)
    (run,) = set(app.runs.known()) - known
    eventually(lambda: run.state.phase is Phase.STOPPED, "the end of the run")
