#!/usr/bin/env bash
# Train a small ViT by iBOT and then SMKD on five CIFAR-10 classes, judge pixels, random weights and
# both phases by few-shot episodes of the other five and of Omniglot's characters, three seeds, and
# write results/few_shot.json and docs/results.md with attention pictures of six photos: some
# 20 minutes on two free cores, by the speed of its parts.
# Usage: bash scripts/cifar10_few_shot.sh CIFAR10_FOLDER OMNIGLOT_FOLDER [RUNS_FOLDER [OPTIONS]]
# CIFAR10_FOLDER is an image folder: train/<class>/, test/<class>/. OMNIGLOT_FOLDER holds Omniglot's
# background set or one of its small versions, zipped or not. The options are for train.py, in
# both phases.
set -euo pipefail
cd "$(dirname "$0")/.."
usage="usage: cifar10_few_shot.sh CIFAR10_FOLDER OMNIGLOT_FOLDER [RUNS_FOLDER [OPTIONS]]"
data=${1:?$usage}
omniglot=${2:?$usage}
runs=${3:-runs}
options=("${@:4}")
seeds="42 43 44"
phase1=vit_mini_cifar10_ibot
phase2=vit_mini_cifar10_smkd
folders=()
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT # seeds that still run when one has failed

bash scripts/make_venv.sh report
train() { # recipe, further options
    .venv/bin/python train.py --config "configs/smkd/$1.yaml" --data.root "$data" --out "$runs/$1" \
        --resume auto "${@:2}" "${options[@]}"
}

few_shot() { # row, options; the seeds side by side, a thread each
    local seed pid pids=()
    for seed in $seeds; do
        OMP_NUM_THREADS=1 .venv/bin/python eval.py --protocol few_shot --seed "$seed" \
            --out "$runs/few_shot/$1_seed$seed" "${@:2}" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

judge() { # row, options
    few_shot "$@" --data.name folder --data.root "$data" \
        --data.classes '[dog, frog, horse, ship, truck]'
    few_shot "$@" --data.name omniglot --data.root "$omniglot" --split train
    local seed
    for seed in $seeds; do folders+=("$runs/few_shot/$1_seed$seed"); done
}

train "$phase1"
train "$phase2" --pretrained "$runs/$phase1"
judge pixels --pretrained random --backbone.name vit_mini_patch4_32 --few_shot.features pixels
judge random --pretrained random --backbone.name vit_mini_patch4_32
judge phase1 --pretrained "$runs/$phase1" --pretrained_key teacher
judge phase2 --pretrained "$runs/$phase2" --pretrained_key teacher

photos=$(mktemp -d)
trap 'kill $(jobs -p) 2> /dev/null || true; rm -rf "$photos"' EXIT
for class in cat deer dog frog horse ship; do
    cp "$(find "$data/test/$class" -type f | sort | head -n 1)" "$photos/$class.jpg"
done
.venv/bin/mindtune attention "$photos"/*.jpg --pretrained "$runs/$phase2" \
    --pretrained_key teacher --out docs/pictures/few_shot_attention
.venv/bin/python scripts/keep_results.py --rename "$data" CIFAR10_FOLDER --rename "$runs" runs \
    --rename "$omniglot" OMNIGLOT_FOLDER results/few_shot.json "${folders[@]}"
.venv/bin/python scripts/results_page.py
