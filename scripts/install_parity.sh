#!/usr/bin/env bash
# Install torch, transformers, peft and timm into .venv for tests/parity, if that is bounded.
# Where pip would fetch torch with its CUDA libraries (gigabytes) or cannot fetch it at all, say so
# and leave it: the other tests do not need it. PARITY=1 installs anyway, PARITY=0 never does.
set -euo pipefail
cd "$(dirname "$0")/.."
stamp=.venv/installed-parity # empty, or why not
left_out() {
    echo "$1" >"$stamp"
    echo "tests/parity is left out: $1"
    exit 0
}

if [ "${PARITY:-auto}" = 0 ]; then exit 0; fi
if [ "${PARITY:-auto}" = auto ] && [ -f "$stamp" ] && [ ! pyproject.toml -nt "$stamp" ]; then
    if [ -s "$stamp" ]; then echo "tests/parity is left out: $(cat "$stamp")"; fi
    exit 0
fi
plan=$(mktemp)
trap 'rm -f "$plan"' EXIT
.venv/bin/python -m pip install --quiet --disable-pip-version-check --dry-run --report "$plan" \
    --editable '.[parity]' 2>/dev/null || left_out "pip finds no torch for this machine"
if [ "${PARITY:-auto}" != 1 ] && grep -qE '"name": "(nvidia-|triton|cuda-)' "$plan"; then
    left_out "torch would come with its CUDA libraries; PARITY=1 installs them all the same"
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[parity]'
# timm asks for torchvision, whose compiled part does not load beside torch for the CPU; the tests use
# nothing of it, and what else timm needs has come with transformers.
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps 'timm>=1,<2'
: >"$stamp"
