"""Attacks from an audit, repeated: secrets in settings, wrong settings, slow inputs, and the app's
exit."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.base.errors import WorkflowError
from comfy.graph.convert import convert
from comfy.prompt.text_replacements import prefix_names, replace_prefixes
from comfy.prompt.wildcards import resolve_wildcards
from comfy.workflow.extract import find_workflow
from comfyui_standin import DemoServer
from tests.support.app_process import Started, ended, launched, started, wait_for
from tests.support.samples.graphs import CATALOG, graph, graph_node
from tests.support.samples.media import PROMPT, PROMPT_TEXT, png_chunks
from tests.support.samples.slow_inputs import FILES, WILDCARDS, many_prefixes
from tests.support.waiting import LONGEST_WAIT, eventually
from tests.ui.test_app import a_run, demo_of_slow_steps

ROOT = Path(__file__).parents[3]
SECRET = "lighthouse7"


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Check that the block takes at most this much processor time. The limits are generous; they
    catch quadratic growth."""
    begun = time.process_time()
    yield
    assert time.process_time() - begun < seconds


@pytest.mark.parametrize(
    "arguments",
    [
        ("--login", f"anna:{SECRET},ben"),
        ("--logn", f"anna:{SECRET}"),
        (f"--logn=anna:{SECRET}",),
        ("--login", "anna:a", SECRET),
        ("--server-header", SECRET),
        ("--login-file", f"anna:{SECRET}"),
        ("--port", SECRET),
        ("--help",),
    ],
)
def test_finding_19_no_password_is_repeated(arguments: tuple[str, ...]) -> None:
    """Neither the error for a mistyped option nor --help repeats a password."""
    secrets = {
        "DATABASE": f"x://a:{SECRET}@b/c",
        "SERVER": f"http://a:{SECRET}@b",
        "SERVER_TOKEN": SECRET,
    }
    variables = {f"COMFYFORMS_{name}": value for name, value in secrets.items()}
    code, said = ended(*arguments, **variables)
    assert code == (0 if arguments == ("--help",) else 2)
    assert said
    assert SECRET not in said
    assert "Traceback" not in said


def test_finding_19_a_password_can_come_from_a_file(tmp_path: Path, nightly: bool) -> None:
    """With a file, the password isn't in the list of processes. The app still asks for it."""
    people = tmp_path / "people"
    people.write_text(f"anna:{SECRET}\n")
    people.chmod(0o600)
    options = ("--login-file", str(people))
    # one in a Python of its own, which imports for 4 s, has a command line of its own
    with DemoServer() as demo, started("--server", demo.url, *options, fresh=nightly) as one:
        command = Path(f"/proc/{one.process.pid}/cmdline")
        if nightly and sys.platform == "linux":
            told = command.read_text().split("\0")
            assert "--login-file" in told, "it is the app's own"
            assert not any(SECRET in word for word in told)
        who = {"username": "anna", "password": SECRET}
        with requests.Session() as browser:
            assert browser.get(f"{one.url}/config", timeout=LONGEST_WAIT).status_code == 401
            assert (
                browser.post(f"{one.url}/login", data=who, timeout=LONGEST_WAIT).status_code == 200
            )
        assert one.end() == 0
        assert SECRET not in one.said()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--keep", "maybe"),
        ("--waiting", "0"),
        ("--grace", "nan"),
        ("--keep-days", "-1"),
        ("--keep-gb", "nan"),
        ("--login", "anna:a,anna:b"),
        ("--port", "99999"),
        ("--server", "comfy"),
    ],
)
def test_finding_25_a_wrong_setting_ends_the_start_in_words(arguments: tuple[str, ...]) -> None:
    """The app prints one line that names the option or the address, and exits with 2 and without a
    traceback."""
    code, said = ended(*arguments)
    assert code == 2
    assert len(said.splitlines()) == 1
    assert arguments[0] in said or "address" in said


@pytest.mark.parametrize("text", WILDCARDS.values(), ids=list(WILDCARDS))
def test_finding_24_wildcards_of_any_depth_end_soon(text: str) -> None:
    """A text of 200,000 characters used to take up to eight seconds."""
    with at_most(3):
        resolve_wildcards(text, random.Random(1))


def test_finding_24_prefixes_of_many_names_end_soon() -> None:
    """The prompt has 2,000 nodes, each with a prefix of 2,000 names."""
    with at_most(10):
        prompt = many_prefixes()
        assert replace_prefixes(prompt, prefix_names(prompt), datetime(2025, 3, 7))[1] == {}


def test_finding_24_names_do_not_multiply_a_text() -> None:
    """A five-letter name that stands for 100,000 characters, used thousands of times, doesn't
    produce a text of a gigabyte."""
    prompt: dict[str, Any] = {
        "1": {"class_type": "A", "inputs": {"text": "x" * 100_000}},
        "2": {"class_type": "SaveImage", "inputs": {"filename_prefix": "%A.text%" * 10_000}},
    }
    replaced, _ = replace_prefixes(prompt, prefix_names(prompt), datetime(2025, 3, 7))
    assert len(replaced["2"]["inputs"]["filename_prefix"]) < 200_000


def test_finding_24_primitives_do_not_double_a_text() -> None:
    """Each primitive names the previous one's widget twice. The result doesn't grow
    exponentially."""
    replaced = {"Run widget replace on values": True}
    nodes, links = [graph_node(1, "Text", "x" * 1000, title="T1")], []
    for n in range(1, 40):
        nodes.append(
            graph_node(100 + n, "PrimitiveNode", f"%T{n}.text%%T{n}.text%", properties=replaced)
        )
        nodes.append(graph_node(1 + n, "Text", "", sockets="text", title=f"T{n + 1}"))
        links.append(f"{100 + n}.0 STRING > {n + 1}.text")
    with at_most(10):
        result = convert(graph(*nodes, links="\n".join(links)), CATALOG)
    assert len(json.dumps(result.prompt)) < 2_000_000


@pytest.mark.parametrize("make", FILES.values(), ids=list(FILES))
def test_finding_24_much_json_in_a_file_ends_soon(make: Callable[[], bytes]) -> None:
    """The app refuses 4,000 texts of 14 kB each, or one text of 25 MB, within seconds. It used to
    take half a minute."""
    data = make()
    with at_most(6), pytest.raises(WorkflowError):
        find_workflow(data, "a.png")


def test_finding_24_the_workflow_among_many_texts_is_found() -> None:
    """The app first reads the last text of that name, as ComfyUI's editor would."""
    junk = [(b"tEXt", b"a\0" + b'{"a":[' + b"1," * 7_200 + b"1]}")] * 1_000
    data = png_chunks(
        (b"tEXt", b'prompt\0{"1":{"class_type":"Old"}}'),
        *junk,
        (b"iTXt", b"prompt\0\0\0\0\0" + PROMPT_TEXT.encode()),
    )
    assert find_workflow(data, "a.png").prompt == PROMPT


@contextlib.contextmanager
def in_a_terminal(*arguments: str) -> Iterator[tuple[Started, Callable[[], None]]]:
    terminal, inside = pty.openpty()
    with contextlib.closing(os.fdopen(terminal, "rb", buffering=0)) as open_terminal:
        path = os.ttyname(inside)
        os.close(inside)
        with launched(*arguments, terminal=path) as one:
            wait_for(one)
            yield one, open_terminal.close


def test_finding_26_a_closed_terminal_ends_the_run_at_the_server() -> None:
    """After its terminal closes, the app can't print anything. It stops its run on the ComfyUI
    server and exits with 0."""
    with (
        demo_of_slow_steps() as demo,
        in_a_terminal("--server", demo.url) as (one, close_terminal),
        a_run(one) as (_, told),
    ):
        close_terminal()
        *_, last = told
        assert isinstance(last, dict)
        assert last["phase"] == "stopped"
        assert one.wait() == 0
        assert not demo.queue.remaining()


def test_finding_26_sighup_is_logged_and_ends_like_sigterm() -> None:
    """The log says why the app ends. Under nohup, which ignores the signal, the app keeps
    running."""
    with DemoServer() as demo, started("--server", demo.url) as one:
        assert one.end(signal.SIGHUP) == 0
        eventually(lambda: "The terminal was closed." in one.said())
    with (
        DemoServer() as demo,
        started("--server", demo.url, ignored=(signal.SIGHUP,)) as one,
        requests.Session() as browser,
    ):
        one.send(signal.SIGHUP)
        assert browser.get(one.url, timeout=LONGEST_WAIT, headers={"Connection": "close"}).ok
        assert one.end() == 0
        assert "The terminal" not in one.said()
