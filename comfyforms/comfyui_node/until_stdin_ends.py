"""Program that runs a command until it ends, or until the process that started this one ends for
any reason. Exits with the command's exit code."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence


def main(command: Sequence[str]) -> int:
    """Run the command. Return its exit code."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:

        def wait() -> None:
            os.read(0, 1)
            process.terminate()

        threading.Thread(target=wait, daemon=True).start()
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
