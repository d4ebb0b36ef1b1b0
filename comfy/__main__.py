"""`python -m comfy COMMAND`: commands for the shell.

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

from comfy.base.version import app_version

# Name -> (module, line for --help). A module is imported only for its own command.
COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "run": ("comfy.cli.run", "run a workflow on a server and save the results"),
        "batch": ("comfy.cli.batch", "run a workflow once per row of values and save the results"),
        "chain": (
            "comfy.cli.chain",
            "run several workflows in sequence and save the results",
        ),
        "form": ("comfy.cli.form", "print the form of a workflow"),
        "convert": ("comfy.cli.convert", "convert graphs saved by the editor to prompts"),
        "demo": ("comfyui_standin.command", "start the stand-in server"),
        "lock": ("comfy.cli.lock", "write the models and node packs that workflows need"),
        "check": ("comfy.cli.check", "compare ComfyUI servers with a lock"),
        "space": ("comfy.cli.space.command", "write a Hugging Face Space with your workflows"),
    }
)


class Command(Protocol):
    """Command of `python -m comfy`: the interface of a module in comfy/cli."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options to its parser."""

    def main(self, args: argparse.Namespace) -> int:
        """Run the command and return its exit status."""


def main(argv: Sequence[str] | None = None, *, program: str = "python -m comfy") -> int:
    """Run one command. Return 0 for success, 1 for a reported failure, 2 for wrong usage.
    `program` is the name in --help."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog=program, description="Work with ComfyUI from a shell.")
    parser.add_argument("--version", action="version", version=f"ComfyForms {app_version()}")
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
    assert command is not None  # argparse refuses any other word
    return command.main(args)


def run_command(program: str = "python -m comfy") -> int:
    """Run the command on this command line and return its exit status."""
    try:
        return main(program=program)
    except KeyboardInterrupt:  # before the command started; a started command handles it
        print("Stopped.", file=sys.stderr)
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(run_command())
