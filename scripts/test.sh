#!/usr/bin/env bash
# Lint, types and all tests, in a virtual environment of their own. Usage: bash scripts/test.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/make_venv.sh test
export GLOG_v=4 # MindSpore: no log lines among the tests' own
.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
.venv/bin/python -m pytest "$@"
