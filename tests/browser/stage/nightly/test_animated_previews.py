"""Animated previews, as VideoHelperSuite sends them."""

from __future__ import annotations

import io
import itertools
import struct
import threading
from dataclasses import replace
from pathlib import Path

from PIL import Image

from comfy.workflow.extract import find_workflow
from comfyui_standin import DemoServer
from comfyui_standin.nodes.base import Inputs, NodeResult, NodeRun
from comfyui_standin.nodes.registry import NODES
from comfyui_standin.server.executor import PromptRun
from comfyui_standin.server.sockets import PreviewMessage, TextMessage
from tests.browser.stage.test_results import prompt_with
from tests.support.serving import running_app
from tests.support.visitor import Site, Visit

stopped = threading.Event()
COLOURS = ("red", "lime", "blue", "white")
# The colours that the preview has had, as a canvas reads them.
SEEN = """() => {
    const image = document.querySelector('#stage img.live-frame');
    if (!image?.naturalWidth) return false;
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    context.drawImage(image, 0, 0, 1, 1);
    window.colours ??= [];
    const [red, green, blue, drawn] = context.getImageData(0, 0, 1, 1).data;
    if (!drawn) return false;
    const colour = [red, green, blue].map((one) => one > 127);
    const last = window.colours.at(-1);
    if (String(last) !== String(colour)) window.colours.push(colour);
    return window.colours.length >= 20;
}"""


def animated(run: NodeRun, inputs: Inputs) -> NodeResult:
    """Run a sampler whose previews are an animation of four frames, sent again and again in bursts.
    The rest is the stand-in's own sampler. As with VideoHelperSuite, the prompt has to switch the
    animation on."""
    assert isinstance(run, PromptRun)
    extra = run.item.extra_data["extra_pnginfo"]["workflow"]["extra"]
    assert extra["VHS_latentpreview"] is True
    assert extra["VHS_latentpreviewrate"] == 0
    told = {"length": len(COLOURS), "rate": 20}
    run.sockets.send(TextMessage("VHS_latentpreview", told, run.client_id))
    bursts = itertools.cycle([(0, 1), (2, 3)])
    while not stopped.is_set():
        for at in next(bursts):
            image = io.BytesIO()
            Image.new("RGB", (64, 64), COLOURS[at]).save(image, "JPEG")
            frame = struct.pack(">II", 1, at) + image.getvalue()
            run.sockets.send(PreviewMessage(frame, "", {}, metadata=False, client_id=run.client_id))
        run.wait(0.3)
    return NODES["KSampler"].run(replace(run, previews=False), inputs)


def test_a_preview_plays(visit: Visit, tmp_path: Path) -> None:
    """For a workflow with a node of VideoHelperSuite, the app switches its previews on. The page
    loops through their frames in order until the result is there. The result still carries its
    prompt, so that the user can open it again."""
    stopped.clear()
    nodes = {**NODES, "KSampler": replace(NODES["KSampler"], run=animated)}
    nodes["VHS_SaveImage"] = NODES["SaveImage"]
    prompt = prompt_with().replace('"SaveImage"', '"VHS_SaveImage"')
    (tmp_path / "text-to-image.json").write_text(prompt)
    with (
        DemoServer(step_seconds=0.0, nodes=nodes) as demo,
        running_app(demo.url, workflows=tmp_path) as app,
    ):
        site = Site(app.url, demo, app)
        person = visit(site).open(**{"5.steps": 1})
        person.press()
        person.page.wait_for_function(SEEN, polling="raf")
        bits = [tuple(one) for one in person.page.evaluate("window.colours")][-8:]
        names = {(1, 0, 0): 0, (0, 1, 0): 1, (0, 0, 1): 2, (1, 1, 1): 3}
        places = [names[one] for one in bits]
        assert sorted(set(places)) == [0, 1, 2, 3]
        steps = [(after - before) % 4 for before, after in itertools.pairwise(places)]
        assert steps.count(1) >= 5  # a browser that is late leaves one out
        stopped.set()
        run_id = person.done()
        data = app.services.copies.blobs.path(site.run(run_id).state.files[0].digest)
        assert data is not None
        carried = find_workflow(data.read_bytes(), "a.png")
        assert carried.graph is None
        assert carried.prompt == site.prompt_of(run_id)
        person.leave()
