#!/usr/bin/env bash
# Make .venv in the repository's root and install MindTune into it, if that is not done yet.
# Usage: bash scripts/make_venv.sh [EXTRA]      e.g. EXTRA=test
# PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3.10 python3.9 python3}; do
        if "$candidate" -c 'import sys, venv; sys.exit(not (3, 9) <= sys.version_info < (3, 13))' \
            2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: no Python 3.9 to 3.12 with venv found; install one, or name it: PYTHON=... $0" >&2
    exit 1
}

if [ ! -x .venv/bin/python ]; then
    python=$(find_python)
    "$python" -m venv .venv
fi
wanted=".${1:+[$1]}"
stamp=".venv/installed-${1:-core}"
sources="pyproject.toml setup.py src/mindtune/ops/kernels"
if [ ! -f "$stamp" ] || [ -n "$(find $sources -newer "$stamp" ! -name '*.so' ! -type d)" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable "$wanted"
    touch "$stamp"
fi
