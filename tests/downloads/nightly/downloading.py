"""Process with a queue of downloads, in the place of ComfyUI: `python -m
tests.downloads.nightly.downloading DIR`. It obeys a line per request, and answers with a line of
JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

from comfyforms.comfyui_node.downloads.journal import DownloadOrder
from comfyforms.comfyui_node.downloads.queue import Downloads
from comfyforms.comfyui_node.downloads.targets import ModelFolder


def main() -> None:
    folder = Path(sys.argv[1])
    place = ModelFolder((folder / "models" / "checkpoints",), frozenset({".safetensors"}))
    queue = Downloads(folder / "state", lambda: {"checkpoints": place}, pauses=(0.05,) * 2000)
    queue.restore()
    for line in sys.stdin:
        if order := json.loads(line):
            queue.start(DownloadOrder(**order | {"hosts": tuple(order["hosts"])}))
        print(json.dumps([asdict(one) for one in queue.statuses()]), flush=True)


if __name__ == "__main__":
    main()
