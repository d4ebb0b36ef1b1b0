"""Lines of the product and its tests by part, and how many came since a version.

`python -m tools.weight [COMMIT]`: the version is the last release tag, or the named commit.
"""

from __future__ import annotations

import argparse
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

ROOT = Path(__file__).parents[1]
KINDS = ("py", "js", "css", "tests")
PRODUCT = ("app.py", "comfy", "comfyforms", "comfyui_standin", "ui")
# Folders whose folders are parts of their own.
NESTED = ("comfy", "comfyforms", "comfyforms/plugins", "tests", "ui", "ui/page")
# Where the tests of a part are; those in `tests/NAME` else belong to `comfy/NAME` if it exists.
TESTED = {
    "tests/comfyui_node": "comfyforms/comfyui_node",
    "tests/plugins": "comfyforms/plugins",
    "tests/script": "ui/page/script",
    "tests/standin": "comfyui_standin",
    "tests/ui": "ui",
}


def git(*words: str) -> str:
    answer = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else ""


def place_of(path: str) -> tuple[str, str] | None:
    """Return the part that a file belongs to and the kind of its lines; None for other files."""
    parts, kind = PurePath(path).parts, PurePath(path).suffix.removeprefix(".")
    if parts[0] not in (*PRODUCT, "tests") or kind not in KINDS:
        return None
    if "tests" in parts:
        kind = "tests"
    if parts[0] == "tests":
        home = TESTED.get("/".join(parts[:2])) or f"comfy/{parts[1]}"
        parts = (*home.split("/"), *parts[2:]) if (ROOT / home).exists() else parts
    part, *names = parts
    for name in names[:-1]:
        if part in NESTED:
            part = f"{part}/{name}"
    return part, kind


def lines() -> Iterator[tuple[str, int]]:
    """Yield the number of lines of each file."""
    for path in git("ls-files").splitlines():
        if place_of(path) and (ROOT / path).is_file():
            yield path, (ROOT / path).read_bytes().count(b"\n")


def changes(base: str) -> Iterator[tuple[str, int]]:
    """Yield how many lines of each file came since a commit, less those that went."""
    for row in git("diff", "--numstat", "--no-renames", base).splitlines():
        came, went, path = row.split("\t")
        if came.isdecimal():
            yield path, int(came) - int(went)


def counted(files: Iterator[tuple[str, int]]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for path, count in files:
        if place := place_of(path):
            counts[place] += count
            counts["all", place[1]] += count
    return counts


def table(base: str) -> Iterator[str]:
    now, new = counted(lines()), counted(changes(base) if base else iter(()))
    yield f"{'part':32}{''.join(f'{kind:>8}' for kind in KINDS)}   since {base or 'no release'}"
    for part in sorted({part for part, _ in (*now, *new)}, key=lambda part: (part == "all", part)):
        row = "".join(f"{now[part, kind] or '':>8}" for kind in KINDS)
        product, tests = sum(new[part, kind] for kind in KINDS[:-1]), new[part, "tests"]
        since = f"{product:+8} product {tests:+8} tests" if product or tests else ""
        yield f"{part:32}{row}{since}".rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(description="Lines by part.")
    parser.add_argument("base", nargs="?", help="commit to compare with")
    named = parser.parse_args().base
    if named and not git("rev-parse", "--verify", "--quiet", f"{named}^{{commit}}"):
        parser.error(f"There is no commit {named}.")
    print("\n".join(table(named or git("describe", "--tags", "--abbrev=0"))))


if __name__ == "__main__":
    main()
