# One word for each task: `.venv/bin/just WORD`, and `.venv/bin/just --list` for all. Arguments go to the command.

python := ".venv/bin/python"
node := "tests/script/node_modules/.bin"

# Environment and development tools
init: script-tools
    test -d .venv || python3 -m venv --upgrade-deps .venv
    .venv/bin/pip install -q -e '.[test]'

# Tools that check the page's accessibility and script
script-tools:
    npm install --prefix tests/script --no-package-lock --no-audit --no-fund --silent

# Start the app, with the stand-in server if no ComfyUI answers
run *args:
    {{python}} app.py {{args}}

# Tests without a server, on every save
pure *args:
    {{python}} -m pytest -q -n 2 --pure {{args}}

# CI's tests: all but the `nightly` folders, or those named
test *args:
    {{python}} -m pytest -q -n auto {{args}}

# All tests, or those named
nightly *args:
    {{python}} -m pytest -q -n auto --nightly {{args}}

# Python's style, format and types
lint: style types

style:
    .venv/bin/ruff check .
    .venv/bin/ruff format --check .

types:
    .venv/bin/mypy

# Python's types on win32 or darwin, of all files or those named
types-on system *files="app.py comfyforms comfyui_standin comfy ui":
    .venv/bin/mypy --platform {{system}} --cache-dir .mypy_cache/{{system}} {{files}}

# Style, types and unit tests of the page's script and styles, and of the script in ComfyUI's editor
script:
    {{node}}/biome ci --error-on-warnings --config-path=tests/script/style.json ui/page comfyforms tests/script/*.js* tests/script/*.ts tests/script/browser tests/script/media
    {{node}}/tsc --project tests/script
    {{node}}/tsc --project tests/script/tsconfig.worker.json
    node --import ./tests/script/page_imports.js --test tests/script/*.test.js tests/script/*/*.test.js comfyforms/plugins/*/tests/*.test.js

# Documentation site in build/docs/site; fails on links that lead nowhere
docs:
    {{python}} -m tools.docs_site

# Pictures of the docs from the running app, after a change to the page
pictures:
    {{python}} -m tools.pictures

# Format Python, scripts and styles
format:
    .venv/bin/ruff check --fix . && .venv/bin/ruff format .
    {{node}}/biome format --write --config-path=tests/script/style.json ui/page comfyforms

# Lines of product and tests by part, and how many came since the last release or a commit
weight *args:
    {{python}} -m tools.weight {{args}}

# Types of the API's documents for the page's script
documents:
    {{python}} -m tools.document_types

# Extract UI texts and update the catalogs, or add languages such as `pt`
messages *args:
    {{python}} -m tools.messages {{args}}

# Main fields of forms, compared with hand-judged ones
judged *args:
    {{python}} -m tools.judged_forms {{args}}

# Speed targets; `against` compares with the version in BENCHMARK_BASE
bench *args:
    {{python}} -m tools.benchmarks {{args}}

# Random faults
soak *args:
    {{python}} -m tools.soak --runs 1000 {{args}}

# Conformance of the stand-in, or of the server at COMFYUI_URL
conformance *args:
    {{python}} -m pytest -q --nightly tests/nightly/conformance {{args}}

# What the newest front end and templates do differently
newest *args:
    {{python}} -m tools.newest --conformance {{args}}
