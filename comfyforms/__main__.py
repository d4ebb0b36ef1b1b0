"""`comfyforms` and `python -m comfyforms`: `app.py`, and the commands of `python -m comfy`, from
any folder."""

from __future__ import annotations

import sys

from comfyforms import ROOT


def main() -> int:
    """Run the command line and return the exit status."""
    # Like `python app.py`: another app.py or ComfyUI's own `comfy` in the current folder must not
    # shadow ours.
    sys.path.insert(0, str(ROOT))
    from comfy import __main__ as commands

    if sys.argv[1:2] and sys.argv[1] in commands.COMMANDS:
        return commands.run_command("comfyforms")
    import app

    return app.main()


if __name__ == "__main__":
    sys.exit(main())
