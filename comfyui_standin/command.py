"""The command `comfyui-standin`, and `python -m comfy demo`."""

from __future__ import annotations

import argparse
import signal
import threading

from comfyui_standin import DemoServer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    parser.add_argument(
        "--port", type=int, default=8188, help="port to listen on, 0 for any (default: %(default)s)"
    )
    parser.add_argument(
        "--step-seconds",
        type=float,
        default=0.15,
        metavar="S",
        help="duration of a sampling step in seconds (default: 0.15)",
    )
    parser.add_argument(
        "--previews",
        action="store_true",
        help="also send previews to clients that don't request them",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse what ComfyUI refuses, and node classes that the stand-in doesn't have itself",
    )


def main(args: argparse.Namespace) -> int:
    """Serve until interrupted. Return 0, or 2 if the port isn't available."""
    server = DemoServer(
        host=args.host,
        port=args.port,
        step_seconds=args.step_seconds,
        previews=args.previews,
        anything=not args.strict,
    )
    try:
        server.start()
    except OSError as exc:
        print(
            f"Cannot listen on {args.host}:{args.port}: {exc.strerror or exc}. Try another --port."
        )
        return 2
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        print(
            f"Stand-in ComfyUI at {server.url} (procedural images, no model). Ctrl+C stops it.",
            flush=True,
        )
        stop.wait()
    finally:
        server.close()
    return 0
