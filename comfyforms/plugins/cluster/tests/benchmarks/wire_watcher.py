"""A process that receives frames: prints `ready`, and after a line on standard input its figures as
JSON."""

from __future__ import annotations

import json
import struct
import sys
import time

from comfyforms.plugins.cluster.messaging.wire import Wire

RUNS = 20
STAMP = "d"  # when a frame was sent, on the clock that all processes of a machine share


def main() -> None:
    """Receive the frames of all runs until a line is read."""
    lags: list[float] = []
    wire = Wire(sys.argv[1], "watcher")

    def hear(body: bytes) -> None:
        lags.append(time.monotonic() - struct.unpack_from(STAMP, body)[0])

    for run in range(RUNS):
        wire.listen(f"frames:{run}", hear)
    while not wire.is_up:
        time.sleep(0.01)
    time.sleep(0.2)  # subscribed
    before = time.process_time()
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps({"lags": lags, "seconds": time.process_time() - before}), flush=True)
    wire.close()


if __name__ == "__main__":
    main()
