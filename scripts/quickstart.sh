#!/usr/bin/env bash
# From nothing but Python 3.9 to 3.12: install into .venv, tune the shipped small ViT (pre-trained on
# handwritten digits 0 to 4) to digits 5 to 9 by linear probing and by Moment Probing, evaluate both,
# export the second and print a table. Usage: bash scripts/quickstart.sh [TRAIN.PY OPTIONS]
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/make_venv.sh
runs=runs/quickstart

for method in linear_probe moment_probing; do
    .venv/bin/python train.py --config "configs/quickstart/$method.yaml" \
        --pretrained weights/vit_digits_patch4_16.safetensors \
        --out "$runs/$method" --overwrite true "$@"
    .venv/bin/python eval.py --pretrained "$runs/$method"
done
.venv/bin/python export.py --pretrained "$runs/moment_probing"
.venv/bin/python scripts/results_table.py - "$runs/linear_probe" "$runs/moment_probing"
