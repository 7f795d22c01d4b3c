#!/usr/bin/env bash
# Format, lint, types and all tests, in a virtual environment of their own; a worker a core, at most
# eight, takes a file of tests at a time. Usage: bash scripts/test.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/make_venv.sh test
bash scripts/install_parity.sh
export GLOG_v=4 # MindSpore: no log lines among the tests' own
.venv/bin/ruff check .
.venv/bin/ruff format --check .
find src/mindtune/ops/kernels -name "*.h" -o -name "*.cpp" -o -name "*.cu*" |
    xargs .venv/bin/clang-format --dry-run -Werror
.venv/bin/mypy
.venv/bin/python -m pytest --numprocesses logical --maxprocesses 8 --dist loadfile "$@"
