"""`python -m tools.fuzz [--requests N] [--seed N]`: see `tests.attacks.campaign`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from tests.attacks.command import main

    sys.exit(main())
