"""Administrator page as HTML."""

from __future__ import annotations

import html
import platform
import time
from collections.abc import Iterable
from importlib import metadata

from comfy.base.messages import message, plural
from comfy.base.version import app_version
from comfy.comfyui.servers.reports import Memory
from comfy.local_comfyui.supervisor import ComfyUIStatus
from comfy.records.administration import Notice
from ui.administration.overview import Overview, ProcessLines, RunLine, ServerLine
from ui.documents.headlines import elapsed_words
from ui.languages.current import current_language, html_of
from ui.operator.frame import PATH, action_form, asking_form, section
from ui.operator.notice_form import notice_card
from ui.page.plain.inline import module_tag

_SERVERS = message("Servers")
_ONLINE = message("Online")
_OFFLINE = message("Offline")
_PAUSED = message("Paused")
_PAUSE = message("Pause")
_RESUME = message("Resume")
_FREE = message("Free memory")
_NO_DATABASE = message("The database doesn't answer.")
_STARTING = message("Starting")
_UPDATE = message("Refresh models")
_RESTART = message("Restart")
_ENDS_RUNS = message("Its active run ends. Waiting runs continue afterwards.")
_LOG = message("Log")
_RUNS = message("Runs")
_PREVIEW = message("Preview")
_NO_RUNS = message("No runs")
_PROCESSES = message("Processes")
_DATABASE = message("Database")
_WIRE = message("Messages between processes")
_PAGES_ONLY = message("Executes no runs")
_VERSIONS = message("Versions")
_STOP = message("Stop")
_MOVES = (("front", message("To the front")), ("back", message("To the back")))
_GB = 2**30


def overview_body(now: Overview, notice: Notice | None, done: str = "", more: str = "") -> str:
    """Return the page's body. `done`: what the last button did; `more`: other sections."""
    said = f'<p class="done" role="status">{html_of(done)}</p>' if done else ""
    return f"""{said}<div id="now" data-address="{PATH[1:]}">
{section(_SERVERS, _servers(now.servers))}
{more}
{section(_RUNS, _runs(now.runs))}
{"" if now.processes is None else section(_PROCESSES, _processes(now.processes))}
</div>
{notice_card(notice)}
{section(_VERSIONS, _versions())}
{module_tag("refreshing.js")}"""


def _servers(servers: Iterable[ServerLine]) -> str:
    lines = list(servers)
    return "".join(_server(line, number, len(lines)) for number, line in enumerate(lines, 1))


def _server(line: ServerLine, number: int, count: int) -> str:
    server, report = line.server, line.report
    state, shade = (_ONLINE, "up") if report.up else (_OFFLINE, "away")
    if server.starting:
        state, shade = _STARTING, "drained"
    if server.drained and report.up:
        state, shade = _PAUSED, "drained"
    facts: list[str] = []
    if report.version:
        facts.append(f"ComfyUI {report.version}")
    if report.running is not None:
        facts.append(
            message(
                "Queue: {running} running, {waiting} waiting",
                running=report.running,
                waiting=report.waiting,
            )
        )
    facts += [fact for one in report.memory if (fact := _memory(one))]
    facts += _process_facts(line.process) if line.process else []
    facts.insert(0, server.url)
    name = server.label
    if name == server.url:  # without a name of the administrator's
        name = f"ComfyUI {number}" if count > 1 else "ComfyUI"
    items = "".join(f"<li>{html_of(one)}</li>" for one in facts)
    turn = (
        ("resume", _RESUME, message("Resume {server}", server=name))
        if server.drained
        else ("pause", _PAUSE, message("Pause {server}", server=name))
    )
    free = ("free", _FREE, message("Free memory of {server}", server=name))
    update = ("update", _UPDATE, message("Refresh models of {server}", server=name))
    shown = (turn, free, update) if report.up else (turn,)
    buttons = "".join(_button(server.number, *one) for one in shown)
    if line.process is not None:
        buttons += _process_buttons(server.number, name)
    return f"""<article class="server">
<div><h3>{html.escape(name)}</h3>
<p class="{shade}">{html_of(state)}</p><ul>{items}</ul></div>
<div class="buttons">{buttons}</div></article>"""


def _process_facts(process: ComfyUIStatus) -> list[str]:
    facts = []
    if process.last_end is not None:
        facts.append(process.last_end.sentence)
    if process.phase == "pausing":
        left = elapsed_words(process.until - time.monotonic())
        facts.append(message("Starts again in {time}", time=left))
    return facts


def _process_buttons(at: int, name: str) -> str:
    """Return the buttons of a ComfyUI that the app starts."""
    question = message("Restart {server}?", server=name)
    ask = asking_form(
        f"{PATH[1:]}/servers/{at}/restart",
        (_RESTART, question, _RESTART),
        f"restart-{at}",
        f"<p>{html_of(_ENDS_RUNS)}</p>",
    )
    label = html_of(message("Log of {server}", server=name))
    log = f"{PATH[1:]}/servers/{at}/log"
    return f'{ask}<a class="button quiet" href="{log}" aria-label="{label}">{html_of(_LOG)}</a>'


def _memory(one: Memory) -> str:
    if one.free is None or not one.total:
        return ""
    free, total = (current_language().number(amount / _GB, 1) for amount in (one.free, one.total))
    return message("Memory: {free} of {total}\u00a0GB free", free=free, total=total)


def _button(at: int, action: str, text: str, label: str) -> str:
    name = "pause" if action == "resume" else action  # keeps the focus on the button
    address = f"{PATH[1:]}/servers/{at}/{action}"
    return action_form(address, text, label=label, name=f"{name}-{at}")


def _runs(runs: tuple[RunLine, ...]) -> str:
    if not runs:
        return f"<p>{html_of(_NO_RUNS)}</p>"
    return f'<ul class="lines rows">{"".join(map(_run, runs))}</ul>'


def _run(run: RunLine) -> str:
    address = f"{PATH[1:]}/runs/{run.id}/preview?{run.preview}"
    image = f'<img src="{address}" alt="{html_of(_PREVIEW)}">' if run.preview else ""
    details = " · ".join(html_of(one) for one in (run.progress, run.server, run.since) if one)
    owner = html_of(run.owner)
    actions = (*_MOVES, ("stop", _STOP)) if run.waits else (("stop", _STOP),)
    buttons = "".join(_run_button(run, action, text) for action, text in actions)
    return f"""<li><div><b>{html_of(run.workflow)}</b> · {owner}<br>{details}</div>
{image}<div class="buttons">{buttons}</div></li>"""


def _run_button(run: RunLine, action: str, text: str) -> str:
    label = message("{action}: {name}", action=text, name=f"{run.workflow}, {run.owner}")
    address = f"{PATH[1:]}/runs/{run.id}/{action}"
    return action_form(address, text, label=label, name=f"{action}-{run.id}")


def _processes(processes: ProcessLines) -> str:
    connections = (_DATABASE, processes.statuses is not None), (_WIRE, processes.is_wire_up)
    lines = [
        f"<b>{html_of(name)}</b> · {html_of(_ONLINE if is_up else _OFFLINE)}"
        for name, is_up in connections
    ]
    for one in processes.statuses or ():
        runs = plural("Executes {count} run", "Executes {count} runs", count=one.runs)
        seen = message("{time} ago", time=elapsed_words(one.silent))
        details = " · ".join(map(html_of, (runs if one.executes else _PAGES_ONLY, seen)))
        lines.append(f"<b>{html.escape(one.name)}</b> · {details}")
    return f'<ul class="lines rows">{"".join(f"<li><div>{one}</div></li>" for one in lines)}</ul>'


def _versions() -> str:
    told = {
        "ComfyForms": app_version(),
        "Gradio": metadata.version("gradio"),
        "Python": platform.python_version(),
    }
    return f"<p>{html.escape(' · '.join(f'{name} {one}' for name, one in told.items()))}</p>"
