"""Dependencies between the parts (app, then ui, then comfy) and the layers inside them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.imports import imported, imports, modules, tree_of
from tests.support.distribution import PURE
from tests.support.waiting import LONGEST_WAIT

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "ui" / "page" / "script"
# The modules on a line may import only from the lines above, and not from each other.
COMFY = """
base
comfyui.file_inputs
comfyui.editor_types
comfyui.input_spec
comfyui.pack_inputs
comfyui.object_info comfyui.protocol.result_types
media prompt
comfyui.protocol
comfyui.client graph paid
requirements
comfyui.servers records workflow
downloads form runs
cluster library
launch model_files templates
groups
batches
chains
comfyui.discovery local_comfyui webhooks
cli
"""
UI = """
gradio.event_options gradio.import_hook languages settings.folders settings.named_servers
accounts settings.setting_values settings.start_lines web.responses
gradio.internals settings
accounts.token_command accounts.user_command web
documents gradio.page_files
backup cluster_command files library settings.web_settings
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
cluster.engine cluster.entrance cluster.groups.rows cluster.groups.work cluster.line cluster.mirror
cluster.processes cluster.registry cluster.roles cluster.rows cluster.servers
cluster.setup.database cluster.setup.importing cluster.tables cluster.watching
records.added_workflows records.administration.actions records.administration.model_requests
records.administration.tables records.administration.usage records.database records.groups
records.lineage records.paid.api_keys records.paid.consents records.paid.paid_runs records.presets
records.rows records.run_writes records.sharing.results records.started_requests
records.state.held_files records.state.opened records.state.runner_values
records.state.shared_state records.state.starts records.steps records.storage records.store
records.tables records.upgrade records.used_files records.wanted records.webhooks
ui.accounts.database ui.accounts.guess_counts ui.accounts.openid_store ui.accounts.store
ui.accounts.tables comfyforms.plugins.scaling.scaler
"""
STAND_IN = {"comfy.comfyui.discovery", "comfy.cli"}  # who may start it
SERVING = {"tests.support.serving", "tests.support.app_process", "tests.support.stage"}
STEPS = "comfy.records.steps"  # all below it counts as one: each version adds a file
CLIENT = ("client", "exchange", "abortable", "sessions", "view")
USERS = {
    "requests": {f"comfy.comfyui.client.{name}" for name in CLIENT}
    | {f"comfyforms.remote.{name}" for name in ("app", "calls")}
    | {"ui.accounts.openid", "comfyforms.plugins.comfy_runner.runner"},
    "certifi": {"comfy.comfyui.client.address", "comfyforms.comfyui_node.downloads.connection"},
    "websocket": {"comfy.comfyui.client.event_stream"},
    "httpx": {"comfy.webhooks.dispatch"},
    "redis": {"comfy.cluster.messaging.wire"},
    "dbos": {"comfy.cluster.engine"},
    # Decodes in a separate process; the stand-in only encodes its own samples.
    "soundfile": {"comfy.media.sound_peaks", "comfy.demo.nodes.media"},
    "sqlalchemy": {
        one if one.startswith(("ui.", "comfyforms.")) else f"comfy.{one}"
        for one in DATABASE_USERS.split()
    },
    "alembic": {"comfy.records.database", STEPS},
}


COMFYUI_READS = {"NODE_CLASS_MAPPINGS", "WEB_DIRECTORY"}

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
        if name.partition(".")[0] == own.partition(".")[0]
        and name not in ("comfy", "ui", "comfy.demo")
        if FLOORS[name] >= FLOORS[own]
    ]
    assert not wrong, "\n".join(wrong)


def test_every_package_has_a_place_in_the_order() -> None:
    """Each new package or file directly below comfy or ui needs a place in the order."""
    packages = {"comfy.comfyui"}  # the parts below it have their own
    parts = (
        {part_of(name) for name in MODULES}
        - packages
        - {
            "app",
            "comfyforms",
            "comfyforms.__main__",
            "comfyforms.hooks",
            "comfyforms.plugin_manager",
            "comfyforms.plugins",
            "comfyforms.comfyui_node",
            "comfyforms.remote",
            "comfy",
            "ui",
            "comfy.__main__",
            "comfy.demo",
        }
    )
    assert parts == FLOORS.keys()


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


def test_the_remote_client_imports_nothing_from_the_app() -> None:
    """The package works beside ComfyUI's own `comfy`, and type checkers find its types wherever it
    is installed."""
    for name, file in MODULES.items():
        if part_of(name) == "comfyforms.remote":
            assert not imports(file) & {"app", "comfy", "ui"}, name


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
        command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=LONGEST_WAIT
    ).stdout.split()
    plugins = {plugin_of(name) for name in MODULES} - {""}
    assert plugins
    expected = {f"comfyforms.plugins.{name}{part}" for name in plugins for part in ("", ".plugin")}
    assert set(told) == expected


def test_the_stand_in_imports_nothing_from_the_app() -> None:
    """The stand-in imports nothing from the app. Only the commands and the server selection import
    it."""
    for name, file in MODULES.items():
        ours = {part_of(one) for one in imported(file) if one.startswith(("comfy.", "ui."))}
        if part_of(name) == "comfy.demo":
            assert ours <= {"comfy.demo"}, name
        elif "comfy.demo" in ours:
            assert part_of(name) in STAND_IN, name


@pytest.mark.parametrize("library", USERS)
def test_each_network_and_database_library_has_fixed_importers(library: str) -> None:
    """Only few modules use a network or a database: the clients, the remote scripts' modules, the
    downloads, the webhook sender, the wire, and the modules with tables."""
    users = {name for name, file in MODULES.items() if library in imports(file)}
    assert {STEPS if name.startswith(f"{STEPS}.") else name for name in users} == USERS[library]


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


def test_the_page_does_not_know_the_app() -> None:
    """No file of ui imports app."""
    assert all(
        "app" not in imports(file) for name, file in MODULES.items() if name.startswith("ui")
    )


def test_help_answers_without_importing_gradio() -> None:
    """`python app.py --help` never loads gradio."""
    code = (
        "import sys, app\ntry: app.main(['--help'])\nexcept SystemExit: pass\nassert 'gradio' not"
        " in sys.modules"
    )
    command = [sys.executable, "-c", code]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=LONGEST_WAIT)


def given_values(file: Path) -> set[str]:
    """Return the names that a file assigns outside its functions and classes."""
    targets = (
        target
        for node in tree_of(file).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    )
    return {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}


def constants(file: Path) -> set[str]:
    """Return the constants that a file assigns, without type variables."""
    return {name for name in given_values(file) if re.fullmatch(r"_?[A-Z][A-Z0-9_]+", name)}


def functions(file: Path) -> set[str]:
    """Return a file's functions without a decorator, because decorators can register functions
    elsewhere."""
    found = (node for node in tree_of(file).body if isinstance(node, ast.FunctionDef))
    return {node.name for node in found if not node.decorator_list}


def test_names_used_in_one_file_only_are_private() -> None:
    """A constant or function that no other file, test or docs page names starts with an underscore.
    Its name then shows developers how far a change reaches."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "comfy").rglob("*.md")]
    files = {*MODULES.values(), *(ROOT / "tests").rglob("*.py"), *pages}
    words = {file: set(re.findall(r"\w+", file.read_text(encoding="utf-8"))) for file in files}
    users = Counter(word for found in words.values() for word in found)
    wrong = [
        f"{module}: {name}"
        for module, file in MODULES.items()
        for name in constants(file) | functions(file)
        if users[name] == 1 and not name.startswith("_") and name not in COMFYUI_READS
    ]
    assert wrong == [], "begin its name with _, or use it in another file"
    private = re.compile(r"_[A-Z]")
    tell = [file for file in files - {*pages} if any(map(private.match, words[file]))]
    names = [name for file in tell for name in imported(file)]
    assert not [name for name in names if re.match(r"(comfy|ui)\..*\._[A-Z]", name)]


def test_dataclasses_have_slots() -> None:
    """Classes with a `cached_property` are exempt, because it needs a `__dict__` for its value."""
    for module, file in MODULES.items():
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.ClassDef) and "cached_property" not in ast.unparse(node):
                ways = [one for one in map(ast.unparse, node.decorator_list) if "dataclass" in one]
                assert all("slots=True" in one for one in ways), f"{module}: {node.name}"


def test_no_file_is_too_long_to_read() -> None:
    """Every source file, including tests, has at most 800 lines."""
    page = [file for kind in ("*.js", "*.css") for file in (ROOT / "ui").rglob(kind)]
    tests = ROOT / "tests"  # without what npm puts below its folder `script`
    sources = [*MODULES.values(), *page, *tests.rglob("*.py"), *(tests / "script").glob("*.js")]
    assert not {str(file): n for file in sources if (n := file.read_text().count("\n")) > 800}


def test_no_function_is_longer_than_a_screen() -> None:
    """A function has at most 62 lines, not counting the functions inside it."""
    long = {
        f"{name}.{function.name}": lines
        for name, file in MODULES.items()
        for function in ast.walk(tree_of(file))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        if (lines := _own_lines(function)) > 62
    }
    assert long == {}


def _own_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    inner = [
        node.end_lineno - node.lineno + 1
        for node in function.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    return (function.end_lineno or 0) - function.lineno + 1 - sum(inner)


def test_pure_tests_start_no_server() -> None:
    """The tests that `--pure` runs start no server, no app, and no other program."""
    for place in PURE:
        path = ROOT / "tests" / place
        for file in path.glob("test_*.py") if path.is_dir() else [path]:
            if file != Path(__file__):
                assert not {"socket", "subprocess", "comfy.demo", *SERVING} & imported(file), file
