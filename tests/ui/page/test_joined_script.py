"""Joining a script's modules into one file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.programs import needs
from tests.support.waiting import LONGEST_WAIT
from ui.page.script_files import joined, modules, needed, part_of

COUNT = """// @ts-check
// What counts.

/** How often. */
const counted = []; // isn't a count

/**
 * @param {string} what
 */
export const count = (what) => counted.push(what);
export class Two {}
export const $ = "a word; // and /* no comment */";
"""
FIRST = """import {
  $ as word,
  count,
} from "../count.js";

count("first");
export async function first() {
  return count(word);
}
"""
SECOND = """import { first } from "./first.js";

export const second = await first();
"""
MODULES = {"parts/second.js": SECOND, "parts/first.js": FIRST, "count.js": COUNT}


def test_joined_modules_work_like_separate_ones(tmp_path: Path) -> None:
    """Each module runs once, before the modules that import it, no matter what a caller loads and
    how often."""
    needs("node")
    (tmp_path / "all.mjs").write_text(joined(MODULES), encoding="utf-8")
    (tmp_path / "asks.mjs").write_text(
        """import { load } from "./all.mjs";
const [{ second }, { second: again }] = [await load("parts/second.js"), await load("parts/second.js")];
const told = Object.keys(await load("count.js"));
console.log(JSON.stringify([second, again, told, (await load("count.js")).$]));
""",
        encoding="utf-8",
    )
    ran = subprocess.run(
        ["node", "asks.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST_WAIT
    )
    assert ran.stderr == ""
    assert ran.stdout == '[2,2,["count","Two","$"],"a word; // and /* no comment */"]\n'


def test_comments_and_indents_are_left_out() -> None:
    """Joining removes indents, and comments on their own lines and behind code."""
    text = joined({"count.js": COUNT})
    assert "@" not in text
    assert "How often" not in text
    assert "isn't a count" not in text
    assert "\nreturn count(word);" in joined(MODULES)


def test_every_process_joins_modules_in_the_same_order() -> None:
    """A set of names has another order in each process, and the file's URL is a digest."""
    names = [*MODULES, "late.js", "more.js"]
    modules = MODULES | {"late.js": "", "more.js": ""}
    assert part_of(modules, names) == part_of(modules, names[::-1])


def test_imports_of_a_module_are_found() -> None:
    """The result contains a module's direct and indirect imports."""
    assert needed(MODULES, "parts/first.js").keys() == {"parts/first.js", "count.js"}
    assert needed(MODULES, "parts/second.js").keys() == MODULES.keys()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('import { all } from "./gone.js";\n', "a.js imports gone.js, which doesn't exist"),
        ('import * as all from "./a.js";\n', "a.js has an unsupported import or export"),
        ("export default 1;\n", "a.js has an unsupported import or export"),
        ("export { one } ;\n", "a.js has an unsupported import or export"),
        ('import { c } from "./b.js";\n', "a.js imports c, which b.js doesn't export"),
        ('import { b } from "./b.js";\nexport const a = 1;\n', "cycle"),
    ],
)
def test_a_module_that_cannot_be_joined_raises_an_error(text: str, why: str) -> None:
    """The error names the module and the problem."""
    with pytest.raises(ValueError, match=why):
        joined({"a.js": text, "b.js": 'import { a } from "./a.js";\nexport const b = 2;\n'})


def test_a_module_that_uses_its_own_location_raises_an_error() -> None:
    """Joining takes a module out of its folder, so the module can't refer to its own location."""
    joined({"a.js": "const here = import.meta.url;\n"})
    with pytest.raises(ValueError, match="reads its own URL"):
        joined({"parts/a.js": "const here = import.meta.url;\n"})


def test_a_module_can_load_another_one_later(tmp_path: Path) -> None:
    """More files have the modules that the first ones don't import. The first file asks for each
    one only when a module isn't in the files before it."""
    needs("node")
    caller = 'export const later = async () => (await import("../count.js")).count(7);\n'
    modules = {"parts/caller.js": caller, "count.js": COUNT}
    first = needed(modules, "parts/caller.js")
    assert first.keys() == {"parts/caller.js"}
    (tmp_path / "first" / "1").mkdir(parents=True)
    (tmp_path / "later.mjs").write_text(part_of(modules, ["count.js"]), encoding="utf-8")
    (tmp_path / "opened.mjs").write_text(
        'console.log("opened"); export const modules = () => ({ "rare.js": () => ({ rare: 3 }) });',
        encoding="utf-8",
    )
    text = joined(modules, first, ["later.mjs", "opened.mjs"])
    (tmp_path / "first" / "1" / "page.mjs").write_text(text, encoding="utf-8")
    (tmp_path / "asks.mjs").write_text(
        'import { load } from "./first/1/page.mjs";\n'
        'console.log(await (await load("parts/caller.js")).later());\n'
        'console.log((await load("rare.js")).rare);\n',
        encoding="utf-8",
    )
    ran = subprocess.run(
        ["node", tmp_path / "asks.mjs"], capture_output=True, text=True, timeout=LONGEST_WAIT
    )
    assert ran.stdout == "1\nopened\n3\n", ran.stderr


def test_a_module_can_import_a_url(tmp_path: Path) -> None:
    """The messages in the page's language and the viewer of 3D models are no modules of its own."""
    needs("node")
    text = "const at = (path) => path;\nexport const found = (await import(at('node:fs'))).existsSync;\n"
    (tmp_path / "all.mjs").write_text(joined({"a.js": text}), encoding="utf-8")
    (tmp_path / "asks.mjs").write_text(
        'import { load } from "./all.mjs";\nconsole.log((await load("a.js")).found("."));\n',
        encoding="utf-8",
    )
    ran = subprocess.run(
        ["node", "asks.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST_WAIT
    )
    assert ran.stdout == "true\n", ran.stderr


def test_a_part_uses_the_page_s_modules(tmp_path: Path) -> None:
    """A part's module imports the page's as `page/…`. The page loads it by a name that it gets,
    from the part's own file."""
    needs("node")
    modules = {
        "caller.js": "export const call = async (name) => (await import(name)).two();\n",
        "parts/some/two.js": 'import { count } from "page/count.js";\n'
        'export const two = async () => [count(1), (await import("page/count.js")).count(2)];\n',
        "count.js": COUNT,
    }
    (tmp_path / "first" / "1").mkdir(parents=True)
    part = part_of(modules, ["parts/some/two.js"])
    (tmp_path / "some.mjs").write_text(part, encoding="utf-8")
    text = joined(modules, ["caller.js", "count.js"], ["gone.mjs"], {"some": "some.mjs"})
    (tmp_path / "first" / "1" / "page.mjs").write_text(text, encoding="utf-8")
    (tmp_path / "asks.mjs").write_text(
        'import { load } from "./first/1/page.mjs";\n'
        'console.log(String(await (await load("caller.js")).call("parts/some/two.js")));\n',
        encoding="utf-8",
    )
    ran = subprocess.run(
        ["node", tmp_path / "asks.mjs"], capture_output=True, text=True, timeout=LONGEST_WAIT
    )
    assert ran.stdout == "1,2\n", ran.stderr


def test_the_page_s_own_script_is_read_by_a_browser(tmp_path: Path) -> None:
    """Node parses the joined script without an error."""
    needs("node")
    (tmp_path / "page.mjs").write_text(joined(modules()), encoding="utf-8")
    ran = subprocess.run(
        ["node", "--check", "page.mjs"], cwd=tmp_path, capture_output=True, timeout=LONGEST_WAIT
    )
    assert ran.stderr == b""


def test_requests_for_a_missing_file_back_off(tmp_path: Path) -> None:
    """The page waits twice as long after each failed request, at most 30 seconds."""
    needs("node")
    (tmp_path / "1" / "2").mkdir(parents=True)
    text = joined({"count.js": COUNT}, [], ["gone.mjs"])
    (tmp_path / "1" / "2" / "page.mjs").write_text(text, encoding="utf-8")
    (tmp_path / "asks.mjs").write_text(
        """import { load } from "./1/2/page.mjs";
const waits = [];
globalThis.setTimeout = (call, wait) => {
  if (waits.push(wait) < 7) call();
  else console.log(JSON.stringify(waits));
};
load("count.js");
""",
        encoding="utf-8",
    )
    ran = subprocess.run(
        ["node", "asks.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=LONGEST_WAIT
    )
    assert ran.stdout == "[1000,2000,4000,8000,16000,30000,30000]\n", ran.stderr
