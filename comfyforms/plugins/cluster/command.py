"""`comfyforms cluster check` and `comfyforms cluster import --from FOLDER`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from comfy.base.errors import ComfyError
from comfyforms.plugins.cluster.settings import ClusterSettings
from ui.settings.arguments import USAGE_ERROR, read_settings
from ui.settings.folders import PROGRAM

_ALSO = "The app's settings apply: its options, variables, and the file of --config."


def manage_cluster(arguments: Sequence[str]) -> int:
    """Run the command in the arguments after `cluster`, and print its result. Return the exit
    code: 0, 1 if the check found a problem, or 2 with a message on failure."""
    known, rest = _parser().parse_known_args(arguments)
    settings = read_settings(rest, serves=known.action == "check")
    assert isinstance(settings, ClusterSettings)
    try:
        return _check(settings) if known.action == "check" else _import(known.source, settings)
    except ComfyError as problem:
        print(f"{PROGRAM} cluster: {problem} {problem.hint}", file=sys.stderr)
        return USAGE_ERROR


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        f"{PROGRAM} cluster",
        description="Prepare an app of several processes.",
        epilog=_ALSO,
        allow_abbrev=False,
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("check", help="check everything that processes share", epilog=_ALSO)
    copies = actions.add_parser(
        "import", help="copy a single app's history into the empty database", epilog=_ALSO
    )
    copies.add_argument(
        "--from",
        dest="source",
        metavar="FOLDER",
        type=Path,
        required=True,
        help="the data folder of the single app, which has to be stopped",
    )
    return parser


def _check(settings: ClusterSettings) -> int:
    if settings.wire is None:
        raise ComfyError("This needs the setting --wire.")
    from comfyforms.plugins.cluster.check import run_checks

    return run_checks(settings)


def _import(source: Path, settings: ClusterSettings) -> int:
    from comfyforms.plugins.cluster.importing import import_data

    print(import_data(source, settings))
    return 0
