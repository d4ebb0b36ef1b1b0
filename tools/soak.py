"""`python -m tools.soak [--runs N] [--seed N] [--server URL [--restart COMMAND]]`: see
`tests.nightly.faults.soak`."""

from __future__ import annotations

import os
import sys

from tests.nightly.faults.soak_command import main

if __name__ == "__main__":
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    sys.exit(main())
