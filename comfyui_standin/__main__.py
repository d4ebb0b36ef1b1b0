"""`python -m comfyui_standin`: the stand-in server alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from comfyui_standin.command import add_arguments, main


def run(argv: Sequence[str] | None = None) -> int:
    """Serve until interrupted. Return the exit code."""
    parser = argparse.ArgumentParser(
        prog="comfyui-standin",
        description="A ComfyUI server without models: real protocol, painted images.",
    )
    add_arguments(parser)
    return main(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(run())
