"""`comfyforms space WORKFLOW… --out DIR`: write a Hugging Face Space. `--check DIR` checks one."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.base.wording import bytes_words
from comfy.cli.lock import lock_of, problems_of, read_lock, with_facts
from comfy.cli.space import docker
from comfy.cli.space.check import SpaceReport, check_space
from comfy.cli.space.contents import SERVER, collect, write_space
from comfy.comfyui.client.address import ServerAddress, is_loopback
from comfy.requirements.lock import Lock

_USAGE_ERROR = 2
_NOT_OF_A_NAME = re.compile(r"[^A-Za-z0-9]+")
_TOKEN = f"{SERVER}_TOKEN"
# https://huggingface.co/docs/hub/spaces-overview#networking
_REACHABLE_PORTS = frozenset({80, 443, 8080})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "workflows",
        nargs="*",
        type=Path,
        metavar="WORKFLOW",
        help="workflow, chain, or folder of them; the TOML files and images beside them are copied",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="new folder for the Space")
    parser.add_argument("--title", default="", help="title of the Space")
    parser.add_argument(
        "--license",
        default="other",
        metavar="ID",
        help="license of your workflows, such as cc-by-4.0 (default: %(default)s)",
    )
    runs = parser.add_mutually_exclusive_group()
    runs.add_argument(
        "--demo", action="store_true", help="the stand-in server paints demo images (default)"
    )
    runs.add_argument(
        "--server",
        metavar="URL",
        help="ComfyUI server for the runs; a secret of the Space, not a file, has its address",
    )
    runs.add_argument(
        "--gpu",
        action="store_true",
        help="a Docker Space with a ComfyUI in it, whose models and node packs the lock names",
    )
    parser.add_argument(
        "--lock",
        type=Path,
        metavar="FILE",
        help="lock for --gpu (default: made as by the command lock, without a server)",
    )
    parser.add_argument("--check", type=Path, metavar="DIR", help="only check the Space in DIR")


def main(args: argparse.Namespace) -> int:
    """Write or check a Space. Return 0, 1 if something is missing, 2 if it can't be written."""
    try:
        return _told(check_space(args.check), ()) if args.check else _write(args)
    except ComfyError as error:
        told = " ".join(filter(None, (str(error), error.hint)))
        print(f"comfyforms space: {told}", file=sys.stderr)
        return _USAGE_ERROR


def _write(args: argparse.Namespace) -> int:
    if not args.workflows or not args.out:
        raise ComfyError("Name the workflows, and a new folder with --out.")
    if args.lock and not args.gpu:
        raise ComfyError("--lock needs --gpu.")
    server = ServerAddress.parse(args.server) if args.server else None
    title = write_space(
        args.out,
        collect(args.workflows),
        title=args.title,
        license_id=args.license,
        has_server=server is not None,
        lock=_lock_of(args) if args.gpu else None,
    )
    files = [file for file in args.out.rglob("*") if file.is_file()]
    size = bytes_words(sum(file.stat().st_size for file in files))
    print(f"Wrote “{title}” to {args.out}: {len(files)} files, {size}.")
    return _told(check_space(args.out), _closing(args.out, args.server, server))


def _lock_of(args: argparse.Namespace) -> Lock:
    """Return the lock of the option, or the one of the workflows. Raises ComfyError if it isn't
    complete."""
    lock, problems = (
        (read_lock(args.lock), []) if args.lock else with_facts(lock_of(args.workflows, ()))
    )
    if problems := [*problems, *problems_of(lock)]:
        workflows = shlex.join(map(str, args.workflows))
        raise ComfyError(
            f"The lock isn't complete. {' '.join(problems)}",
            f"Run `comfyforms lock {workflows}`, complete lock.toml, and add --lock lock.toml.",
        )
    return lock


def _told(report: SpaceReport, closing: Iterable[str]) -> int:
    """Print a report, with these lines before its end, and return the exit status."""
    for problem in report.problems:
        print(f"! {problem}")
    for note in report.notes:
        print(f"- {note}")
    if not report.problems:
        print("The Space is complete.")
    for line in (*closing, *filter(None, [report.runs])):
        print(line)
    return 1 if report.problems else 0


def _closing(out: Path, given: str, server: ServerAddress | None) -> Iterator[str]:
    """Yield the commands that upload the Space, and what to know. `given`: the server's address as
    in the option."""
    name, folder = _repository(out), shlex.quote(str(out))
    beside = Path(sys.executable).with_name("hf")  # Gradio brings it
    hf = "hf" if shutil.which("hf") or not beside.exists() else shlex.quote(str(beside))
    is_gpu = (out / docker.DOCKERFILE).exists()
    if not is_gpu and server is None:
        # ComfyForms itself may be running at its default port, 7860.
        command = shlex.join((sys.executable, str(out / "app.py"), "--port", "7861"))
        yield (
            "\nThe stand-in server paints demo images. For runs on your ComfyUI, write another"
            " Space with --server URL."
        )
        yield f"\nTry it on this machine:\n\n  {command}"
    yield "\nUpload it to your account at Hugging Face:\n"
    yield f"  {hf} auth login"
    if is_gpu:
        hardware = f"--flavor {docker.HARDWARE} --sleep-time 3600"
        yield f"  {hf} repos create {name} --type space --sdk docker {hardware}"
    elif server:
        token = f" -s {_TOKEN}" if os.environ.get(_TOKEN) else ""
        secrets = f"-s {shlex.quote(f'{SERVER}={given}')}{token}"
        yield f"  {hf} repos create {name} --type space --sdk gradio {secrets}"
    yield f"  {hf} upload {name} {folder} . --type space"
    if is_gpu:
        yield (
            "\nHugging Face charges for this hardware while the Space runs. It sleeps after an hour"
            " without visitors. When it first starts, it downloads its models and shows the"
            " progress. To keep them, attach storage at /data."
        )
    else:
        yield "\nHugging Face may require a paid plan for a new Space with Gradio."
    if server:
        yield f"If ComfyUI requires a token, the Space also needs the secret {_TOKEN}."
        if server.port not in _REACHABLE_PORTS or is_loopback(server.host):
            yield (
                f"A Space can't reach {server.url}: it only reaches public addresses, at the ports"
                " 80, 443 and 8080."
            )
    if server or is_gpu:
        yield (
            "All visitors of the Space can start runs. To require sign-in, add the line"
            " hf_oauth: true to the top of README.md, or make the Space private."
        )


def _repository(out: Path) -> str:
    """Return a name that Hugging Face accepts for a repository."""
    return _NOT_OF_A_NAME.sub("-", out.resolve().name).strip("-")[:90] or "forms"
