"""Dependencies between the parts (app, then ui, then comfy) and the layers inside them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.imports import apart, imported, imports, modules, tree_of
from tests.support.distribution import PURE
from tests.support.waiting import IMPORTING

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "ui" / "page" / "script"
# The modules on a line may import only from the lines above, and not from each other.
COMFY = """
base
comfyui.input_spec
comfyui.object_info comfyui.protocol.result_types
media prompt
comfyui.protocol
comfyui.client graph paid
requirements
comfyui.servers records workflow
downloads form runs
library
launch model_files templates
groups
batches
chains
comfyui.discovery local_comfyui webhooks
cli
"""
UI = """
gradio.import_hook settings.folders settings.named_servers
brand
languages
accounts settings.setting_values settings.start_lines web.responses
gradio.internals settings
accounts.commands web
documents gradio.page_files
backup files library settings.web_settings
services
administration
gradio page
accounts.pages sockets
api
parts
api.app operator plugin_parts
middleware own_routes
server
"""
DATABASE_USERS = """
records.administration records.api_keys records.audit records.database records.groups records.lineage
records.opened records.paid records.people records.presets
records.rows records.sharing records.started_requests records.starts records.state records.store
records.tables records.used_files records.webhooks ui.accounts.database ui.accounts.openid_store
ui.accounts.store
"""
STAND_IN = "comfyui_standin"
STARTING_IT = {"comfy.comfyui.discovery", "comfy.cli"}
SERVING = {"tests.support.serving", "tests.support.app_process", "tests.support.stage"}
# All below a folder of steps counts as one: each version adds a file.
STEPS = {"comfy.records.steps", "ui.accounts.steps"}
UVICORN = ("uvicorn.Config", "uvicorn.run")
CLIENT = ("client", "exchange", "sessions", "view")
USERS = {
    "requests": {f"comfy.comfyui.client.{name}" for name in CLIENT}
    | {"ui.accounts.openid_provider"},
    "authlib": {"ui.accounts.openid_provider"},  # takes a tenth of a second to import
    "certifi": {"comfy.comfyui.client.address"},
    "websocket": {"comfy.comfyui.client.event_stream"},
    "httpx": {"comfy.webhooks.dispatch"},
    # Decodes in a separate process; the stand-in only encodes its own samples.
    "soundfile": {"comfy.media.sound_peaks"},
    "sqlalchemy": {
        one if one.startswith(("ui.", "comfyforms.")) else f"comfy.{one}"
        for one in DATABASE_USERS.split()
    }
    | STEPS,
    "alembic": {"comfy.records.database", *STEPS},
}

# Coroutines that answer with a few numbers or names.
SMALL_ANSWERS = {
    "prompt",
    "reset_password",
    "rewrite",
    "send_frame",
    "tell_notice",
    "tell_runs",
    "upload_files",
    "write",
    "_uploaded",
}

MODULES = modules()
FLOORS = {
    f"{side}.{part}": number
    for side, floors in (("comfy", COMFY), ("ui", UI))
    for number, line in enumerate(floors.split("\n"))
    for part in line.split()
}


def part_of(module: str) -> str:
    """Return the part in FLOORS that a module belongs to. The longest matching name wins."""
    names = module.split(".")
    longer = (".".join(names[:count]) for count in range(len(names), 2, -1))
    return next((name for name in longer if name in FLOORS), ".".join(names[:2]))


def test_no_import_goes_up() -> None:
    """A file imports only from its own package and from the floors below it."""
    wrong = [
        f"{module} imports {name}, which stands no lower"
        for module, own in ((name, part_of(name)) for name in MODULES)
        if own in FLOORS
        for name in {part_of(name) for name in imported(MODULES[module]) if name in MODULES} - {own}
        if name.partition(".")[0] == own.partition(".")[0] and name not in ("comfy", "ui")
        if FLOORS[name] >= FLOORS[own]
    ]
    assert not wrong, "\n".join(wrong)


def test_every_package_has_a_place_in_the_order() -> None:
    """Each new package or file directly below comfy or ui needs a place in the order."""
    parts = {part_of(name) for name in MODULES if name.startswith(("comfy.", "ui."))}
    parts -= {"comfy.__main__", "comfy.comfyui"}  # the parts below the latter have their own
    assert parts == FLOORS.keys()


def stand_late(file: Path) -> Iterator[str]:
    """Yield the constants that stand after a function or class without needing one."""
    own: set[str] = set()
    for node in tree_of(file).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                own.add(node.name)
            case (
                ast.Assign(targets=[target], value=value)
                | ast.AnnAssign(target=target, value=ast.expr() as value)
            ) if own:
                names = {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}
                if own.isdisjoint(one.id for one in ast.walk(value) if isinstance(one, ast.Name)):
                    yield from names
                own |= names


def test_constants_stand_before_functions_and_classes() -> None:
    """A reader finds a file's logger, limits and sentences at its top."""
    found = {name: [*stand_late(file)] for name, file in MODULES.items()}
    assert not {name: late for name, late in found.items() if late}


def test_no_files_import_each_other_in_a_circle() -> None:
    """A reader can read each file after the files that it imports."""
    left = {
        name: {one for one in imported(file) if one in MODULES and one != name}
        for name, file in MODULES.items()
    }
    packages = {name for name, file in MODULES.items() if file.name == "__init__.py"}
    left = {name: needed - packages for name, needed in left.items()}
    while ready := {name for name, needed in left.items() if not needed & left.keys()}:
        left = {name: needed for name, needed in left.items() if name not in ready}
    assert not left


def test_comfy_knows_neither_the_page_nor_its_libraries() -> None:
    """No file of comfy imports gradio, fastapi, ui or app."""
    wrong = [
        f"{module} imports {', '.join(sorted(found))}"
        for module in MODULES
        if module.partition(".")[0] == "comfy"
        if (found := imports(MODULES[module]) & {"gradio", "gradio_client", "fastapi", "ui", "app"})
    ]
    assert not wrong, "\n".join(wrong)


def plugin_of(module: str) -> str:
    """Return the name of the plugin that a module belongs to; empty for the app's other modules."""
    plugins, _, rest = module.partition("comfyforms.plugins.")
    return "" if plugins else rest.partition(".")[0]


def test_the_app_imports_no_plugin() -> None:
    """The plugin manager finds plugins. A plugin imports the app's modules, but no other plugin."""
    wrong = [
        f"{module} imports {name}"
        for module, file in MODULES.items()
        for name in imported(file) & MODULES.keys()
        if (plugin := plugin_of(name)) and plugin != plugin_of(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_a_plugin_that_is_off_is_not_imported() -> None:
    """The module `plugin` of a folder imports the others only when a hook needs them."""
    code = (
        "import sys; from comfyforms.plugin_manager import installed_plugins; installed_plugins();"
        " print(*(one for one in sys.modules if one.startswith(('comfyforms.plugins.', 'ui.'))))"
    )
    command = [sys.executable, "-c", code]
    told = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=IMPORTING
    ).stdout.split()
    plugins = {plugin_of(name) for name in MODULES} - {""}
    assert plugins
    expected = {f"comfyforms.plugins.{name}{part}" for name in plugins for part in ("", ".plugin")}
    assert set(told) == expected


def test_the_stand_in_imports_nothing_from_the_app() -> None:
    """The stand-in imports nothing from the app. Only the commands and the server selection import
    it."""
    for name, file in MODULES.items():
        if name.startswith(STAND_IN):
            assert not imports(file) & {"app", "comfy", "comfyforms", "ui"}, name
        elif STAND_IN in imports(file):
            assert part_of(name) in STARTING_IT, name


@pytest.mark.parametrize("library", USERS)
def test_each_network_and_database_library_has_fixed_importers(library: str) -> None:
    """Only few of the app's modules use a network or a database: the clients, the webhook sender,
    and the modules with tables. A plugin has its own rules, and so have other programs."""
    users = {
        name
        for name, file in MODULES.items()
        if library in imports(file) and not (plugin_of(name) or name.startswith(apart()))
    }
    assert {re.sub(r"\.steps\..*", ".steps", name) for name in users} == USERS[library]


def test_no_page_and_no_route_holds_a_client_of_comfyui() -> None:
    """Pages and routes ask the server pool for what they need. The only other `client` is a
    request's address."""
    for module in (name for name in MODULES if name.partition(".")[0] == "ui"):
        held = {
            ast.unparse(node)
            for node in ast.walk(tree_of(MODULES[module]))
            if isinstance(node, ast.Attribute) and node.attr == "client"
        }
        assert held <= {"request.client", "self.client"}, module
        assert "comfy.comfyui.client.client" not in imported(MODULES[module]), module


def reads_json(node: ast.AST) -> bool:
    """Return whether a call parses JSON without limits: `json.loads(…)` or `answer.json()`, but not
    `request.json()`, which is `ui/web/limits.py::JsonRequest.json`."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name("request"), attr="json")):
            return False
        case ast.Call(func=ast.Attribute(value=ast.Name("json"), attr="load" | "loads")):
            return True
        case ast.Call(func=ast.Attribute(attr="json"), args=[]):
            return True
    return False


def test_json_of_others_has_one_reader() -> None:
    """Use `comfy.base.json_values`, whose limits keep others from stopping the app with a large or
    deeply nested text. Only modules with tables may read what the app itself has stored in its
    database. The client on other machines, the custom node and the stand-in can't import the
    reader."""
    wrong = [
        f"{module}:{node.lineno}"
        for module, file in MODULES.items()
        if module != "comfy.base.json_values"
        and not module.startswith(("comfy.records.", *apart()))
        if "sqlalchemy" not in imports(file)
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call) and reads_json(node)
    ]
    assert not wrong


def parses_body(node: ast.AST) -> bool:
    """Return whether a call has a request's body, and isn't the one that runs it in a thread."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) in (
        "off_loop",
        "asyncio.to_thread",
    ):
        return False
    return any("request.body()" in ast.unparse(one) for one in node.args)


def test_no_route_parses_a_body_on_the_event_loop() -> None:
    """Use `await request.json()`, which has the limits of requests and parses in a thread."""
    wrong = [
        f"{module}:{node.lineno}"
        for module, file in MODULES.items()
        if module.startswith(("ui.", "comfyforms.plugins."))
        if "request.body()" in file.read_text(encoding="utf-8")
        for node in ast.walk(tree_of(file))
        if parses_body(node)
    ]
    assert not wrong


def test_servers_run_on_what_users_have() -> None:
    """Each server names its event loop and its HTTP parser. By default, uvicorn takes uvloop and
    httptools where they are installed, and most users don't have them."""
    starts = [
        node
        for file in MODULES.values()
        if "uvicorn" in imports(file)
        for node in ast.walk(tree_of(file))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in UVICORN
    ]
    assert starts
    for start in starts:
        named = {one.arg: ast.unparse(one.value) for one in start.keywords}
        assert named.get("loop") == "'asyncio'", ast.unparse(start)
        assert named.get("http", "'auto'") != "'auto'", ast.unparse(start)


def test_the_page_does_not_know_the_app() -> None:
    """No file of ui imports app."""
    assert all(
        "app" not in imports(file) for name, file in MODULES.items() if name.startswith("ui")
    )


def of_extras() -> set[str]:
    """Return the names of the packages that extras bring."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    return {
        Requirement(one).name.replace("-", "_")
        for extra in extras.keys() - {"test"}
        for one in extras[extra]
    }


def test_help_answers_without_importing_slow_libraries() -> None:
    """`python app.py --help` loads no slow library and none of the extras."""
    slow = {"authlib", "fastapi", "gradio", "requests", "segno"} | of_extras()
    code = (
        "import sys, app\ntry: app.main(['--help'])\nexcept SystemExit: pass\n"
        f"assert not {slow} & sys.modules.keys()"
    )
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=IMPORTING)


def test_dataclasses_have_slots() -> None:
    """Classes with a `cached_property` are exempt, because it needs a `__dict__` for its value."""
    for module, file in MODULES.items():
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.ClassDef) and "cached_property" not in ast.unparse(node):
                ways = [one for one in map(ast.unparse, node.decorator_list) if "dataclass" in one]
                assert all("slots=True" in one for one in ways), f"{module}: {node.name}"


def on_the_loop(function: ast.AsyncFunctionDef) -> Iterator[ast.Call]:
    """Yield the calls that a coroutine makes itself, rather than in a thread."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        match node := waiting.pop():
            case ast.Lambda() | ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case ast.Call():
                yield node
        waiting += ast.iter_child_nodes(node)


def test_coroutines_serialize_no_documents() -> None:
    """A document may have megabytes, and all users wait for the event loop: answers with one are
    made in a thread. A dictionary that the coroutine writes itself is small."""
    found = {
        function.name
        for file in MODULES.values()
        for function in ast.walk(tree_of(file))
        if isinstance(function, ast.AsyncFunctionDef)
        for call in on_the_loop(function)
        if ast.unparse(call.func) in ("AsciiJSON", "json_text", "answer_of", "changed_answer")
        if not isinstance(call.args[0], ast.Dict)
    }
    assert found <= SMALL_ANSWERS


def test_no_function_is_longer_than_a_screen() -> None:
    """A function has at most 62 lines, with the functions inside it."""
    long = {
        f"{name}.{function.name}": lines
        for name, file in MODULES.items()
        for function in ast.walk(tree_of(file))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > 62
    }
    assert not long, "Methods of a class can share parts: see “A route” in docs/adding.md."


def test_pure_tests_start_no_server() -> None:
    """The tests that `--pure` runs start no server, no app, and no other program."""
    for place in PURE:
        path = ROOT / "tests" / place
        for file in path.glob("test_*.py") if path.is_dir() else [path]:
            if file != Path(__file__):
                assert not {"socket", "subprocess", STAND_IN, *SERVING} & imported(file), file


def test_no_test_runs_an_event_loop_in_its_thread() -> None:
    """Playwright's runs there once a browser test has begun: `awaited` runs a coroutine beside
    it."""
    for folder in (ROOT / "tests", ROOT / "comfyforms"):
        for file in folder.rglob("test_*.py"):
            calls = (
                ast.unparse(one.func)
                for one in ast.walk(tree_of(file))
                if isinstance(one, ast.Call)
            )
            assert "asyncio.run" not in calls, file
