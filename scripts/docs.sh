#!/usr/bin/env bash
# Build the documentation into site/: open site/index.html, or, for its search too,
# python -m http.server -d site. Usage: bash scripts/docs.sh [MKDOCS OPTIONS]
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/make_venv.sh docs
.venv/bin/mkdocs build --strict --site-dir site "$@"
