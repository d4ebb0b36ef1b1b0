"""ComfyForms: opens any ComfyUI workflow as a web form. Settings, wiring, launch."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from comfy.history import History

PREFIX = "COMFYFORMS_"
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
HERE = Path(__file__).parent
log = logging.getLogger("comfyforms")


def parse_arguments(argv: list[str] | None = None) -> argparse.Namespace:
    """Settings from the command line, else from COMFYFORMS_… variables, else the defaults."""
    parser = argparse.ArgumentParser(prog="app.py", description="Opens ComfyUI workflows as web forms.")

    def add(name: str, default: object, text: str, **more: object) -> None:
        variable = PREFIX + name.upper().replace("-", "_")
        value = os.environ.get(variable, default)
        now = "set" if name == "login" and value else str(value).replace("%", "%%")  # no passwords on a screen
        parser.add_argument(f"--{name}", default=value, help=f"{text} [{variable}; now: {now}]", **more)  # type: ignore[arg-type]

    add("server", None, "ComfyUI's address; without one, 127.0.0.1:8188 if it answers, else a stand-in", metavar="URL")
    add("workflows", str(HERE / "workflows"), "folder of workflow files", metavar="DIR", type=Path)
    add(
        "host",
        "0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1",
        "address to listen on; 0.0.0.0 = the whole network",
    )
    add("port", 7860, "port to listen on", type=int)
    add("root-path", "", "path prefix when a proxy serves the app below one", metavar="/PATH")
    add("keep", "auto", "may people add workflows they open: yes, no, or auto = if only this machine can reach it")
    add("login", "", "who may use it, as NAME:PASSWORD,NAME:PASSWORD; empty = everybody", type=parse_users)
    add("grace", 30.0, "seconds a run goes on after its page was closed", type=float, metavar="SECONDS")
    add("finish", 0.0, "seconds that runs may go on when the app is told to end", type=float, metavar="SECONDS")
    add("data", str(HERE / "data"), "folder for the history and the results", metavar="DIR", type=Path)
    add(
        "database", None, "where the history is instead, as SQLAlchemy writes it: postgresql+psycopg://…", metavar="URL"
    )
    add("keep-days", 30.0, "days after which results are removed", type=float, metavar="DAYS")
    add("keep-gb", 20.0, "size of all results together; the oldest are removed", type=float, metavar="GB")
    add("waiting", 30, "unfinished runs that one person may have", type=int, metavar="RUNS")
    add("hourly", 1000, "runs that one person may start in an hour", type=int, metavar="RUNS")
    return parser.parse_args(argv)


def parse_users(text: str) -> tuple[tuple[str, str], ...]:
    """`NAME:PASSWORD` pairs, separated by commas. ValueError where a pair has no colon or an empty part."""
    pairs = [part.partition(":") for part in text.split(",") if part]
    if not all(name and password for name, _, password in pairs):
        raise ValueError("not NAME:PASSWORD")
    return tuple((name, password) for name, _, password in pairs)


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM; every run is ended at the server then."""
    arguments = parse_arguments(argv)
    for number in (signal.SIGINT, signal.SIGTERM):  # until the web server has its own way of ending
        signal.signal(number, lambda *_: sys.exit(0))
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    # Each takes its time to import, gradio seconds: --help goes without.
    from comfy.errors import ComfyError
    from comfy.files_kept import FilesKept
    from comfy.history import History, HistoryLimits

    data: Path = arguments.data.absolute()
    limits = HistoryLimits(arguments.keep_days, int(arguments.keep_gb * 1e9))
    try:
        history = History(arguments.database or f"sqlite:///{data / 'history.sqlite'}", FilesKept(data), limits)
    except ComfyError as problem:
        log.error("%s %s", problem, problem.hint)
        return 1
    with contextlib.closing(history), temporary_folder(data / "temporary", clean=history.files.ours) as files:
        os.environ["GRADIO_TEMP_DIR"] = str(files)  # uploads end with the app
        return run(arguments, history, files)


@contextlib.contextmanager
def temporary_folder(below: Path, *, clean: bool) -> Iterator[Path]:
    """A folder for as long as the block lasts; `clean` removes first what a program that was killed has left."""
    if clean:
        shutil.rmtree(below, ignore_errors=True)
    below.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=below) as folder:
        yield Path(folder)


def run(arguments: argparse.Namespace, history: History, files: Path) -> int:
    """Wire the parts together and serve; `files` is for temporary files. The exit code."""
    from comfy.client import Client
    from comfy.folder import WorkflowFolder
    from comfy.runs import RunLimits, Runs
    from comfy.server import choose_server
    from ui.backend import Backend, LiveCatalogue
    from ui.server import WebSettings, serve

    with (
        choose_server(arguments.server) as server,
        Client(server.url) as client,
    ):
        runs = Runs(
            client,
            grace=arguments.grace,
            limits=RunLimits(person=arguments.waiting, hourly=arguments.hourly),
            history=history,
        )
        runs.resume()
        backend = Backend(
            client,
            runs,
            WorkflowFolder(arguments.workflows),
            LiveCatalogue(client),
            demo=server.stand_in,
            files=files,
            may_keep=arguments.keep == "yes" or (arguments.keep == "auto" and arguments.host in LOCAL_HOSTS),
        )
        log.info("Pictures come from %s.", server)
        web = WebSettings(arguments.host, arguments.port, arguments.root_path, arguments.login, arguments.finish)
        return serve(backend, web)


if __name__ == "__main__":
    sys.exit(main())
