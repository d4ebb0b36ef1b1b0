"""The count of lines by part."""

from __future__ import annotations

import pytest

from tools.weight import place_of, table


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("app.py", ("app.py", "py")),
        ("comfy/paid.py", ("comfy", "py")),
        ("comfy/runs/line/order.py", ("comfy/runs", "py")),
        ("ui/page/script/runs/runs.js", ("ui/page/script", "js")),
        ("ui/page/styles/batches/cards.css", ("ui/page/styles", "css")),
        ("comfyforms/plugins/example/routes.py", ("comfyforms/plugins/example", "py")),
        ("comfyforms/plugins/example/tests/test_it.py", ("comfyforms/plugins/example", "tests")),
        ("tests/plugins/example/test_it.py", ("comfyforms/plugins/example", "tests")),
        ("tests/runs/nightly/test_line.py", ("comfy/runs", "tests")),
        ("tests/ui/api/test_runs.py", ("ui/api", "tests")),
        ("tests/script/results.test.js", ("ui/page/script", "tests")),
        ("tests/browser/stage/test_results.py", ("tests/browser", "tests")),
        ("docs/guide.md", None),
        ("tools/weight.py", None),
    ],
)
def test_each_file_belongs_to_a_part(path: str, place: tuple[str, str] | None) -> None:
    assert place_of(path) == place


def test_the_table_ends_with_the_sum() -> None:
    """Against the checkout's own commit, only uncommitted lines are new."""
    head, *rows = table("HEAD")
    assert head.endswith("since HEAD")
    assert rows[-1].startswith("all ")
