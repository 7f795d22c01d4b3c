#!/usr/bin/env bash
# Pre-train a small ViT on five CIFAR-10 classes, tune it to the other five in four ways, and write
# results/transfer.json and docs/results.md. Usage: bash scripts/cifar10_transfer.sh CIFAR10_FOLDER [RUNS_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?usage: cifar10_transfer.sh CIFAR10_FOLDER [RUNS_FOLDER]}
runs=${2:-runs}
pretrained=vit_mini_cifar10_pretrain

bash scripts/make_venv.sh report
train() { # recipe, further options
    .venv/bin/python train.py --config "$1" --data.root "$data" --out "$runs/$(basename "$1" .yaml)" \
        --resume auto "${@:2}"
}

train "configs/full/$pretrained.yaml"
for recipe in linear_probe/vit_mini_cifar10_lp moment_probing/vit_mini_cifar10_mp \
    moment_probing/vit_mini_cifar10_mp_plus full/vit_mini_cifar10_full; do
    train "configs/$recipe.yaml" --pretrained "$runs/$pretrained"
done
.venv/bin/python scripts/keep_results.py --rename "$data" CIFAR10_FOLDER --rename "$runs" runs \
    results/transfer.json "$runs"/vit_mini_cifar10_{pretrain,lp,mp,mp_plus,full}
.venv/bin/python scripts/results_page.py
