"""Makes the covers of the shipped workflows, workflows/<name>.webp: what the stand-in paints for the
first of their ideas.

    python -m tests.tools.covers
"""

from __future__ import annotations

import io
import os
import sys

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"

from PIL import Image

from tests.support.serving import WORKFLOWS, RunningApp, running_demo_app

SIDE = 512  # pixels
MOST = 40_000  # bytes
SEED = 7


def main() -> int:
    """Run each workflow once and write its cover; the exit code."""
    largest = 0
    with running_demo_app(step_seconds=0, painted=1024) as (_, app):
        for entry in app.services.folder.entries():
            target = WORKFLOWS / f"{entry.name}.webp"
            target.write_bytes(cover(app, entry.name))
            largest = max(largest, target.stat().st_size)
            print(f"{target}: {target.stat().st_size // 1000} kB")
    return 0 if largest <= MOST else 1


def cover(app: RunningApp, name: str) -> bytes:
    """The first result of a workflow, as a small WebP."""
    _, form = app.services.forms.form(name, "")
    values = dict(form.ideas[0].values)
    values |= {field.key: SEED for field in form.fields if field.widget == "seed"}
    run = app.services.starter.start(name, values, "")
    *_, last = run.watch(60)
    found = next(file for file in last.files if file.kind == "image" and file.type == "output")
    path = app.services.copies.blobs.path(found.digest)
    assert path is not None
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((SIDE, SIDE))
    target = io.BytesIO()
    small.save(target, "WEBP", quality=80, method=6)
    return target.getvalue()


if __name__ == "__main__":
    sys.exit(main())
