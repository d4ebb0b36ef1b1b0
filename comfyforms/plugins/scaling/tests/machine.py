"""ComfyUI stand-in on a port, until SIGTERM. Arguments: port, seconds per step."""

from __future__ import annotations

import signal
import sys

from comfyui_standin import DemoServer

_PAINTED = 192  # pixels, like `tests.support.serving.PAINTED`, whose module imports the app


def main(port: str, step_seconds: str) -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with DemoServer(port=int(port), step_seconds=float(step_seconds), painted=_PAINTED):
        while True:
            signal.pause()


if __name__ == "__main__":
    main(*sys.argv[1:])
