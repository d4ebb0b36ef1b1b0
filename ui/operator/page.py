"""Administrator page as HTML."""

from __future__ import annotations

import html
import platform
from collections.abc import Iterable
from importlib import metadata

from comfy.base.messages import message
from comfy.comfyui.servers.reports import Memory
from ui.languages.current import current_language, html_of
from ui.operator.frame import PATH, action_form, section
from ui.operator.overview import LackingWorkflow, Overview, RunLine, ServerLine
from ui.page.plain.inline import module_tag
from ui.settings.version import app_version

_SERVERS = message("Servers")
_ONLINE = message("Online")
_OFFLINE = message("Offline")
_PAUSED = message("Paused")
_PAUSE = message("Pause")
_RESUME = message("Resume")
_FREE = message("Free memory")
_RUNS = message("Runs")
_PREVIEW = message("Preview")
_NO_RUNS = message("No runs")
_LACKING = message("Missing models and nodes")
_NOTHING_LACKS = message("Every workflow has what it needs.")
_NOT_KNOWN = message("No server has reported its models and nodes.")
_VERSIONS = message("Versions")
_GB = 2**30


def overview_body(now: Overview) -> str:
    """Return the page's body."""
    return f"""<div id="now" data-address="{PATH[1:]}">
{section(_SERVERS, _servers(now.servers))}
{section(_RUNS, _runs(now.runs))}
{section(_LACKING, _lacking(now.lacking))}
{section(_VERSIONS, _versions())}
</div>
{module_tag("refreshing.js")}"""


def _servers(servers: Iterable[ServerLine]) -> str:
    return "".join(_server(at, one) for at, one in enumerate(servers))


def _server(at: int, line: ServerLine) -> str:
    server, report = line.server, line.report
    state, shade = (_ONLINE, "up") if report.up else (_OFFLINE, "away")
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
    items = "".join(f"<li>{html_of(one)}</li>" for one in facts)
    name = server.url
    turn = (
        ("take-back", _RESUME, message("Resume {server}", server=name))
        if server.drained
        else ("drain", _PAUSE, message("Pause {server}", server=name))
    )
    free = ("free", _FREE, message("Free memory of {server}", server=name))
    buttons = "".join(_button(at, *one) for one in ((turn, free) if report.up else (turn,)))
    return f"""<article class="server">
<div><h3>{html.escape(name)}</h3>
<p class="{shade}">{html_of(state)}</p><ul>{items}</ul></div>
<div class="buttons">{buttons}</div></article>"""


def _memory(one: Memory) -> str:
    if one.free is None or not one.total:
        return ""
    free, total = (current_language().number(amount / _GB, 1) for amount in (one.free, one.total))
    return message("Memory: {free} of {total}\u00a0GB free", free=free, total=total)


def _button(at: int, action: str, text: str, label: str) -> str:
    name = "drain" if action == "take-back" else action  # keeps the focus on the button
    address = f"{PATH[1:]}/servers/{at}/{action}"
    return action_form(address, text, label=label, name=f"{name}-{at}")


def _runs(runs: tuple[RunLine, ...]) -> str:
    if not runs:
        return f"<p>{html_of(_NO_RUNS)}</p>"
    return f'<ul class="lines">{"".join(map(_run, runs))}</ul>'


def _run(run: RunLine) -> str:
    address = f"{PATH[1:]}/runs/{run.id}/preview?{run.preview}"
    image = f'<img src="{address}" alt="{html_of(_PREVIEW)}">' if run.preview else ""
    details = " · ".join(html_of(one) for one in (run.progress, run.server, run.since) if one)
    owner = html_of(run.owner)
    return f"<li>{image}<b>{html_of(run.workflow)}</b> · {owner}<br>{details}</li>"


def _lacking(workflows: tuple[LackingWorkflow, ...] | None) -> str:
    if not workflows:
        return f"<p>{html_of(_NOT_KNOWN if workflows is None else _NOTHING_LACKS)}</p>"
    lines = (
        f"<li><b>{html_of(one.title)}</b><br>{'<br>'.join(map(html_of, one.lines))}</li>"
        for one in workflows
    )
    return f'<ul class="lines">{"".join(lines)}</ul>'


def _versions() -> str:
    told = {
        "ComfyForms": app_version(),
        "Gradio": metadata.version("gradio"),
        "Python": platform.python_version(),
    }
    return f"<p>{html.escape(' · '.join(f'{name} {one}' for name, one in told.items()))}</p>"
