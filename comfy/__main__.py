"""`python -m comfy COMMAND`: the package from a shell.

Each command is a module with `add_arguments(parser)` and `main(args) -> exit status`.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol, cast


class Command(Protocol):
    """A command of `python -m comfy`: what a module of comfy/cli has to offer."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the options of the command to its parser."""

    def main(self, args: argparse.Namespace) -> int:
        """Do it; the exit status."""


# name -> (module, line for --help); a module is imported only when its command is given.
COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "run": ("comfy.cli.run", "run a workflow on a server and save what it makes"),
        "batch": ("comfy.cli.batch", "run a workflow with many values, a row each, and save all"),
        "chain": (
            "comfy.cli.chain",
            "run workflows one after another and save what each makes",
        ),
        "form": ("comfy.cli.form", "print the form of a workflow"),
        "convert": ("comfy.cli.convert", "turn graphs saved by the editor into prompts"),
        "demo": ("comfy.cli.demo", "start the stand-in server"),
    }
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 for success, 1 for a failure it reports, 2 for wrong
    usage."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(
        prog="python -m comfy", description="Work with ComfyUI from a shell."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen = next((argument for argument in arguments if not argument.startswith("-")), None)
    command: Command | None = None
    for name, (module, line) in COMMANDS.items():
        subparser = commands.add_parser(
            name, help=line, description=line[0].upper() + line[1:] + "."
        )
        if name == chosen:
            command = cast("Command", importlib.import_module(module))
            command.add_arguments(subparser)
    args = parser.parse_args(arguments)
    assert command is not None  # argparse has refused every other word
    return command.main(args)


def run_command() -> int:
    """The command of this command line; the exit status."""
    try:
        return main()
    except KeyboardInterrupt:  # before the command had begun, which says for itself what that means
        print("Stopped.", file=sys.stderr)
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(run_command())
