#!/usr/bin/env bash
# Build the documentation into site/; open site/index.html. Usage: bash scripts/docs.sh
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/make_venv.sh docs
.venv/bin/mkdocs build --strict --site-dir site "$@"
