"""Runs for scripts in JavaScript: Gradio's own client, in Node."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

from comfy.comfyui.protocol.run_state import Phase
from tests.support.programs import SCRIPTS, needs_gradio_client
from tests.support.samples.media import saved
from tests.support.serving import Served
from tests.support.waiting import IMPORTING, eventually

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

NAMED = """
import {Client} from "@gradio/client";
const [address, image] = JSON.parse(process.argv[1]);
const client = await Client.connect(address, {events: ["data", "status"]});
const file = new Blob([Buffer.from(image, "base64")], {type: "image/png"});
const told = {progress: 0};
let made;
for await (const message of client.submit("/image_to_image", {your_image: file, steps: 9})) {
  const [progress] = message.progress_data ?? [];
  told.progress = Math.max(told.progress, progress?.progress ?? 0);
  if (message.type === "data") [made, , , told.first] = message.data;
}
told.type = (await fetch(made.url)).headers.get("content-type");
[, , , told.again] = (await client.predict("/upscale", {your_image: made, steps: 1})).data;
await client.predict("/upscale", {steps: 0}).catch((problem) => (told.wrong = problem.message));
const lasting = client.submit("/text_to_image", {steps: 60, images: 8});
for await (const message of lasting) {
  if (message.type !== "data" || message.data[3].phase !== "running") continue;
  told.stopped = message.data[3].run;
  await lasting.cancel();
  break;
}
console.log(JSON.stringify(told));
process.exit(0);
"""


def said(address: str, values: dict[str, Any], *, ends: bool = False) -> Any:
    return printed(RUN, [address, values, ends])


def printed(program: str, sent: list[Any]) -> Any:
    needs_gradio_client()
    done = subprocess.run(
        ["node", "--input-type=module", "-e", program, json.dumps(sent)],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=False,
        timeout=IMPORTING,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_run_canceled_from_javascript_is_stopped(served: Served) -> None:
    """The app stops the run as soon as the client cancels it."""
    _, app = served
    known = set(app.runs.known())
    said(app.url, {"8.steps": 60}, ends=True)
    (run,) = set(app.runs.known()) - known
    eventually(lambda: run.state.phase is Phase.STOPPED, "the end of the run")


def test_a_workflow_is_an_endpoint_of_its_own(served: Served) -> None:
    """The endpoint takes named values, accepts and returns files, and takes a result as input. It
    reports progress, explains errors in sentences and stops a canceled run."""
    _, app = served
    told = printed(NAMED, [app.url, base64.b64encode(saved("PNG")).decode()])
    assert (told["first"]["phase"], told["type"], told["progress"]) == ("done", "image/png", 1)
    assert (told["again"]["phase"], told["wrong"]) == ("done", "Steps: Minimum 1.")
    run = app.runs.get(told["stopped"], "browser:")
    eventually(lambda: run.state.phase is Phase.STOPPED, "the end of the run")
