"""The app's own chains on the tested server, and texts passed from step to step."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from comfy.launch.uploads import Upload
from comfy.records.record import Record
from comfy.runs.interface import Origin
from tests.support.http_client import ANN
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.speaking import PATIENCE, ServerUnderTest
from tests.support.waiting import eventually

OWNER = f"browser:{ANN}"
LONGEST = 5 * PATIENCE  # of three samplings on a processor that others use too
SIDE = 256  # pixels, the least that their forms take
MEASURED = {
    "1": {"class_type": "LoadImage", "inputs": {"image": "example.png"}},
    "2": {"class_type": "GetImageSize", "inputs": {"image": ["1", 0]}},
    "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
}
JOINED = {
    "1": {"class_type": "PrimitiveStringMultiline", "inputs": {"value": "no number"}},
    "2": {
        "class_type": "StringConcatenate",
        "inputs": {"string_a": "pixels across:", "string_b": ["1", 0], "delimiter": " "},
    },
    "3": {"class_type": "PreviewAny", "inputs": {"source": ["2", 0]}},
}
MEASURED_CHAIN = """
title = "Measured, then painted"
[[steps]]
name = "measured"
workflow = "measured"
[[steps]]
name = "joined"
workflow = "joined"
[steps.inputs]
"1.value" = "measured.text"
[[steps]]
name = "painted"
workflow = "text-to-image"
[steps.inputs]
"2.text" = "joined.text"
"""


def sampling(server: ServerUnderTest, step: str, sampler: str) -> dict[str, object]:
    """Return values for a sampling step: one sampler step, with the server's own checkpoint."""
    return {f"{step}.1.ckpt_name": server.checkpoint, f"{step}.{sampler}.steps": 1}


def painted(server: ServerUnderTest, step: str) -> dict[str, object]:
    size = {f"{step}.4.width": SIDE, f"{step}.4.height": SIDE}
    return {**sampling(server, step, "5"), **size}


@pytest.fixture
def app(server: ServerUnderTest) -> Iterator[RunningApp]:
    """Run the app with its own workflows and the tested server."""
    with running_app(server.url, demo=server.stand_in) as one:
        yield one


def records_of(app: RunningApp, name: str, values: Mapping[str, object]) -> dict[str, Record]:
    """Run a chain to its end and return the record of each step's run."""
    chains = app.services.chains
    chain = chains.start(f"{name}.chain", values, Origin(OWNER))
    eventually(lambda: chains.get(chain.id, OWNER).finished, "it ends", LONGEST)
    told = chains.get(chain.id, OWNER)
    assert told.state == "done", told
    return {step.name: app.runs.record(step.ended[0], OWNER) for step in told.steps}


def image_of(app: RunningApp, record: Record, at: int = 0) -> Image.Image:
    """Open a run's result from the files that the app keeps."""
    path = app.services.copies.blobs.path(record.state.files[at].digest)
    assert path is not None
    return Image.open(path)


def check_nodes(server: ServerUnderTest, file: Path) -> None:
    """Skip the test if the server lacks one of the prompt's nodes, or has no files for a required
    choice."""
    for node in json.loads(file.read_text()).values():
        name = node["class_type"]
        info = server.get(f"/object_info/{name}").get(name)
        if info is None:
            pytest.skip(f"the server has no node {name}")
        for needed, spec in info["input"].get("required", {}).items():
            if not choices_of(spec):
                pytest.skip(f"the server has nothing to choose for {needed} of {name}")


def choices_of(spec: list[Any]) -> object:
    if isinstance(spec[0], list):
        return spec[0]
    return spec[1].get("options", True) if spec[0] == "COMBO" else True


def test_an_image_is_made_enlarged_and_refined(app: RunningApp, server: ServerUnderTest) -> None:
    """Each step gets the image from the previous step, byte for byte."""
    values = {
        **painted(server, "base"),
        **sampling(server, "upscale", "7"),
        **sampling(server, "detail", "7"),
        "upscale.5.scale_by": 1.5,
    }
    made = records_of(app, "create-upscale-detail", values)
    given = [record.job.inputs["4.image"].digest for record in list(made.values())[1:]]
    assert given == [made[step].state.files[0].digest for step in ("base", "upscale")]
    sizes = [image_of(app, record).size for record in made.values()]
    assert sizes == [(SIDE, SIDE), (SIDE * 1.5, SIDE * 1.5), (SIDE * 1.5, SIDE * 1.5)]


def test_frames_become_an_animation(app: RunningApp, server: ServerUnderTest) -> None:
    """The animation has the four images that the first step makes at once."""
    check_nodes(server, WORKFLOWS / "steps" / "frames-to-animation.json")
    made = records_of(app, "frames-animation", painted(server, "frames"))
    assert len(made["frames"].state.files) == 4
    animation = image_of(app, made["animation"])
    assert (animation.size, getattr(animation, "n_frames", 1)) == ((SIDE, SIDE), 4)


def test_an_image_is_described_and_remade(app: RunningApp, server: ServerUnderTest) -> None:
    """The next image is made from the model's description of the first one."""
    check_nodes(server, WORKFLOWS / "steps" / "describe-image.json")
    values = {**painted(server, "image"), "caption.1.image": photo()}
    made = records_of(app, "image-caption-image", values)
    (said,) = made["caption"].state.texts
    assert said.text
    assert texts_in(image_of(app, made["image"])).count(said.text) == 1


def test_texts_go_from_step_to_step(server: ServerUnderTest, tmp_path: Path) -> None:
    """The first step uses nodes without a model to output the width of an image. The next step puts
    the width into a sentence, and the last step uses the sentence as its prompt."""
    for name, prompt in (("measured", MEASURED), ("joined", JOINED)):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(prompt))
        check_nodes(server, file)
    for ending in ("json", "toml"):
        name = f"text-to-image.{ending}"
        (tmp_path / name).write_bytes((WORKFLOWS / name).read_bytes())
    (tmp_path / "measured.chain.toml").write_text(MEASURED_CHAIN)
    with running_app(server.url, workflows=tmp_path, demo=server.stand_in) as app:
        values = {**painted(server, "painted"), "measured.1.image": photo()}
        made = records_of(app, "measured", values)
        assert [text.text for text in made["measured"].state.texts] == ["96"]
        assert [text.text for text in made["joined"].state.texts] == ["pixels across: 96"]
        assert "pixels across: 96" in texts_in(image_of(app, made["painted"]))


def photo() -> Upload:
    data = io.BytesIO()
    Image.new("RGB", (96, 64), "#20c040").save(data, "PNG")
    return Upload("photo.png", data.getvalue())


def texts_in(image: Image.Image) -> list[str]:
    nodes = json.loads(image.info["prompt"]).values()
    return [one["inputs"]["text"] for one in nodes if one["class_type"] == "CLIPTextEncode"]
