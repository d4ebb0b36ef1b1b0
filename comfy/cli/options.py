"""Server options of shell commands, and the environment variables that replace them.

Parse `--set NAME=VALUE`, split at the first equals sign.

Forms for shell commands.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from comfy.base.errors import ManyProblems
from comfy.base.secret_options import secrets_can_be_read
from comfy.comfyui.client.address import ServerAddress, named_servers, split_servers
from comfy.comfyui.object_info import Catalog
from comfy.library.catalog import CatalogCache
from comfy.library.forms import Forms
from comfy.library.permissions import Permissions
from comfy.workflow.model import Workflow

_SECRETS = "; put secrets in the variable"
WORKFLOW = "workflow"  # name of the workflow in `Forms`
OWNER = "shell"  # owner that stands for the shell user


def add_server_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the option for the servers of runs."""
    parser.add_argument(
        "--server",
        action="append",
        metavar="URL",
        help=(
            "ComfyUI server; can be repeated (default: a local ComfyUI, otherwise the stand-in)"
            f"{_SECRETS} COMFYFORMS_SERVER"
        ),
    )
    _add_login_arguments(parser)


def _add_login_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that go with `--server`."""
    parser.add_argument(
        "--server-token",
        metavar="TOKEN",
        help=(
            f"sent to the server as 'Authorization: Bearer TOKEN'{_SECRETS} COMFYFORMS_SERVER_TOKEN"
        ),
    )
    parser.add_argument(
        "--server-header",
        metavar="HEADER",
        help=(
            "header to send to the server, such as 'X-Api-Key: secret'"
            f"{_SECRETS} COMFYFORMS_SERVER_HEADER"
        ),
    )
    parser.add_argument(
        "--server-ca",
        type=Path,
        metavar="FILE",
        help="certificates to trust for the server (PEM file)",
    )


def api_key(_owner: str) -> str | None:
    """Return the comfy.org API key for paid runs, which is only in the environment."""
    return os.environ.get("COMFYFORMS_COMFY_ORG_KEY") or None


def add_catalog_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options for the node catalog, which `opened_catalogs` reads."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--server",
        action="append",
        metavar="URL",
        help=(
            "ComfyUI server with the node definitions; can be repeated (default: a local ComfyUI,"
            " otherwise the stand-in)"
            f"{_SECRETS} COMFYFORMS_SERVER"
        ),
    )
    where.add_argument(
        "--object-info", type=Path, metavar="FILE", help="saved node catalog (.json or .json.gz)"
    )
    _add_login_arguments(parser)


def addresses_of(args: argparse.Namespace) -> tuple[ServerAddress, ...]:
    """Return the servers from the options, or from COMFYFORMS_SERVER and similar variables; () for
    none. Raises ComfyError if one is wrong. Prints a warning on stderr about secrets in the
    options."""
    given = {
        "--server": any("@" in one for one in args.server or ()),
        "--server-token": args.server_token,
        "--server-header": args.server_header,
    }
    if secret := [option for option, holds_secret in given.items() if holds_secret]:
        variables = (f"COMFYFORMS_{one[2:].replace('-', '_').upper()}" for one in secret)
        instead = f"{', '.join(variables)} in the environment"
        print(secrets_can_be_read(secret, instead), file=sys.stderr)
    ca = args.server_ca or os.environ.get("COMFYFORMS_SERVER_CA")
    return named_servers(
        args.server or split_servers(os.environ.get("COMFYFORMS_SERVER", "")),
        token=args.server_token or os.environ.get("COMFYFORMS_SERVER_TOKEN"),
        header=args.server_header or os.environ.get("COMFYFORMS_SERVER_HEADER"),
        ca=Path(ca) if ca else None,
    )


@contextmanager
def opened_catalogs(args: argparse.Namespace) -> Iterator[CatalogCache]:
    """Yield the node definitions from the file of `--object-info`, else of the server. Raises
    ComfyError if they aren't available."""
    if args.object_info:
        read = Catalog.read(args.object_info)
        yield CatalogCache(lambda: read.raw)
        return
    # Imported here: reading a file needs no network libraries.
    from comfy.comfyui.discovery import choose_servers, opened_servers

    with (
        choose_servers(addresses_of(args)) as named,
        opened_servers(named.addresses) as servers,
    ):
        yield CatalogCache.of(servers)


def split_settings(
    texts: Sequence[str],
    form: str,
    example: str,
    is_name: Callable[[str], object] = lambda _: True,
) -> list[tuple[str, str]]:
    """Return names and values. Raises ManyProblems for texts that don't match `form`, such as
    NODE.INPUT=VALUE, or that have no valid name."""
    parts = [text.partition("=") for text in texts]
    wrong = [
        f"--set {text!r} is not {form}."
        for text, (name, equals, _) in zip(texts, parts, strict=True)
        if not equals or not is_name(name)
    ]
    if wrong:
        raise ManyProblems(wrong, f"Write it like --set {example}.")
    return [(name, value) for name, _, value in parts]


def forms_of(workflow: Workflow, catalogs: CatalogCache) -> Forms:
    """Return the same forms as on a page."""
    return forms_by_name(lambda _: workflow, catalogs)


def forms_by_name(find: Callable[[str], Workflow], catalogs: CatalogCache) -> Forms:
    """Return the forms of several workflows; `find`: see `Forms`."""
    return Forms(find, catalogs, Permissions.of_a_shell())
