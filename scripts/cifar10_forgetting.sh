#!/usr/bin/env bash
# Tune a small ViT, pre-trained on five CIFAR-10 classes, to the other five in eleven ways with three
# seeds each, measure what it forgets of the first five, and write results/forgetting.json
# and docs/results.md.
# The three seeds of a row run side by side, a thread each.
# Usage: bash scripts/cifar10_forgetting.sh CIFAR10_FOLDER [RUNS_FOLDER [TRAIN.PY OPTIONS]]
# The options are for the tuned runs.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?usage: cifar10_forgetting.sh CIFAR10_FOLDER [RUNS_FOLDER [TRAIN.PY OPTIONS]]}
runs=${2:-runs}
options=("${@:3}")
pretrained=vit_mini_cifar10_pretrain
folders=()
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT # seeds that still run when one has failed

bash scripts/make_venv.sh report
.venv/bin/python train.py --config "configs/full/$pretrained.yaml" --data.root "$data" \
    --out "$runs/$pretrained" --resume auto

tune() { # row, its options
    local row=$1 seed pid pids=()
    for seed in 42 43 44; do
        OMP_NUM_THREADS=1 .venv/bin/python train.py --config configs/peft/vit_mini_cifar10.yaml \
            --pretrained "$runs/$pretrained" --data.root "$data" --forgetting.root "$data" \
            --knn.cache "$runs/features" --seed "$seed" --out "$runs/forgetting/${row}_seed$seed" \
            --resume auto "${@:2}" "${options[@]}" &
        pids+=($!)
        folders+=("$runs/forgetting/${row}_seed$seed")
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

tune linear --tuning.modes '[linear]' --optim.lr 3.0e-3
tune full --tuning.modes '[full]' --optim.lr 5.0e-4
tune top3 --tuning.modes '[top_k]' --tuning.top_k.num_blocks 3 --optim.lr 5.0e-4
for rank in 4 8 16; do
    tune "lora_r$rank" --tuning.modes '[lora]' --tuning.lora.rank "$rank" --optim.lr 3.0e-3
done
for blocks in 1 2 3 4; do
    tune "block_p$blocks" --tuning.modes '[block_expansion]' \
        --tuning.block_expansion.num_blocks "$blocks" --optim.lr 1.0e-3
done
tune mp_plus --tuning.modes '[psrp]' --head.name moment --head.moment.width 128 --optim.lr 1.0e-3

.venv/bin/python scripts/keep_results.py --rename "$data" CIFAR10_FOLDER --rename "$runs" runs \
    results/forgetting.json "${folders[@]}"
.venv/bin/python scripts/results_page.py
