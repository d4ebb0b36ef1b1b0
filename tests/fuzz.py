"""`python -m tests.fuzz [--requests N] [--seed N]`: see `tests.attacks.campaign`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))  # as pytest does
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    from attacks.command import main

    sys.exit(main())
