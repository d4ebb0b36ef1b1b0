r"""Makes the images of the shipped workflows.

Each cover, workflows/<name>.webp, is the stand-in's result for the workflow's own default values, so
that cover, example and prompt agree. If its ideas have a mask, the cover shows before and after. The
ideas' input images are the stand-in's example image with a mask. Each idea's own cover is the
stand-in's result for the idea. The cover of a workflow without images, such as text to sound, is
drawn by hand.

Run it with `python -m tools.covers`, or `python -m tools.covers FOLDER` to compare first.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from comfy.form.model import Idea
from comfy.launch.uploads import Upload
from comfy.runs.interface import Origin
from tests.support.serving import WORKFLOWS, RunningApp, running_demo_app

SIDE = 512  # pixels
SMALL = 96  # pixels, of an idea's cover: twice its width on the page
MOST = 40_000  # bytes
SEED = 7
PAIR = 360  # pixels, of each image
PAINT = (255, 42, 42)  # as ui/page/script/mask/steps.js
# Where the example is masked for each idea of inpaint, in parts of its sides: from top to bottom.
MASKED = {"water": (0.42, 0.93), "sky": (0.05, 0.4), "meadow": (0.66, 0.97)}


def main(folder: str = str(WORKFLOWS)) -> int:
    """Run each workflow once, write its cover into `folder`, and return the exit code."""
    written, largest = Path(folder), 0
    with running_demo_app(step_seconds=0, painted=1024) as (demo, app):
        inputs = demo.storage.folder("input")
        assert inputs is not None
        with Image.open(inputs / "example.png") as example:
            for name, (top, bottom) in MASKED.items():
                masked = with_mask(example, top, bottom)
                file = written / f"inpaint-{name}.webp"
                masked.save(file, "WEBP", quality=80, method=6, exact=True)
        for entry in app.services.folder.entries():
            if not (WORKFLOWS / f"{entry.name}.webp").exists():  # a step of a chain
                continue
            _, form = app.services.forms.form(entry.name, "")
            if all(one.kind != "image" for one in form.outputs):
                continue
            target = written / f"{entry.name}.webp"
            for idea in filter(lambda one: one.cover, form.ideas):
                small = result(app, entry.name, idea)
                small.thumbnail((SMALL, SMALL))
                (written / idea.cover).write_bytes(webp_of(small))
            target.write_bytes(cover(app, entry.name))
            largest = max(largest, target.stat().st_size)
            print(f"{target}: {target.stat().st_size // 1000} kB")
    return 0 if largest <= MOST else 1


def cover(app: RunningApp, name: str) -> bytes:
    """Return the first result of a workflow as a small WebP."""
    _, form = app.services.forms.form(name, "")
    images = form.ideas[0].images
    small = result(app, name, Idea("", {}, images))
    if images:
        small = before_and_after(WORKFLOWS / next(iter(images.values())), small)
    else:
        small.thumbnail((SIDE, SIDE))
    return webp_of(small)


def result(app: RunningApp, name: str, idea: Idea) -> Image.Image:
    """Return the first result of a workflow with an idea filled in."""
    _, form = app.services.forms.form(name, "")
    given = {key: WORKFLOWS / file for key, file in idea.images.items()}
    values: dict[str, object] = {key: Upload(one.name, one) for key, one in given.items()}
    values |= idea.values
    values |= {field.key: SEED for field in form.fields if field.widget == "seed"}
    run = app.services.starter.start(name, values, Origin(""))
    *_, last = run.watch(60)
    found = next(file for file in last.files if file.kind == "image" and file.type == "output")
    path = app.services.copies.blobs.path(found.digest)
    assert path is not None
    with Image.open(path) as image:
        return image.convert("RGB")


def webp_of(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "WEBP", quality=45, method=6)
    return target.getvalue()


def with_mask(image: Image.Image, top: float, bottom: float) -> Image.Image:
    """Return an image with a broad soft stroke masked. ComfyUI expects the mask inverted in the
    alpha channel."""
    width, height = image.size
    stroke = Image.new("L", image.size)
    box = (0.04 * width, top * height, 0.96 * width, bottom * height)
    ImageDraw.Draw(stroke).rounded_rectangle(box, radius=0.12 * height, fill=255)
    masked = image.convert("RGB")
    masked.putalpha(ImageChops.invert(stroke.filter(ImageFilter.GaussianBlur(6))))
    return masked


def before_and_after(given: Path, result: Image.Image) -> Image.Image:
    """Return the input image with its mask painted as on the page, next to the result."""
    with Image.open(given) as image:
        colours, mask = image.convert("RGB"), ImageChops.invert(image.getchannel("A"))
    painted = Image.composite(Image.new("RGB", colours.size, PAINT), colours, half(mask))
    pair = Image.new("RGB", (2 * PAIR + 8, PAIR), "white")
    pair.paste(painted.resize((PAIR, PAIR)), (0, 0))
    pair.paste(result.resize((PAIR, PAIR)), (PAIR + 8, 0))
    return pair


def half(mask: Image.Image) -> Image.Image:
    return mask.point(lambda level: level * 0.55)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
