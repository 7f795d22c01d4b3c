#!/usr/bin/env bash
# Distil the small ViT trained on five CIFAR-10 classes into a fresh student, tune both, and the
# student's network without distillation, to the other five with equal budgets, three seeds; write
# results/distillation.json and docs/results.md.
# The three seeds of a step run side by side, a thread each: 25 minutes on two busy cores, and 25 for
# the teacher where RUNS_FOLDER does not hold it yet.
# Usage: bash scripts/cifar10_distillation.sh CIFAR10_FOLDER [RUNS_FOLDER [TRAIN.PY OPTIONS]]
# The options are for the student's distillation and for all tuned runs.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?usage: cifar10_distillation.sh CIFAR10_FOLDER [RUNS_FOLDER [TRAIN.PY OPTIONS]]}
runs=${2:-runs}
options=("${@:3}")
seeds="42 43 44"
teacher="$runs/vit_mini_cifar10_pretrain"
made=$runs/distillation
tuned=()
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT # seeds that still run when one has failed

bash scripts/make_venv.sh report
.venv/bin/python train.py --config configs/full/vit_mini_cifar10_pretrain.yaml \
    --data.root "$data" --out "$teacher" --resume auto

train() { # row, recipe, its options, in which SEED stands for the seed
    local seed pid pids=() given=("${@:3}")
    for seed in $seeds; do
        OMP_NUM_THREADS=1 .venv/bin/python train.py --config "configs/$2.yaml" \
            --data.root "$data" --seed "$seed" --out "$made/$1_seed$seed" --resume auto \
            "${given[@]//SEED/$seed}" "${options[@]}" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

tune() { # row, recipe, further options
    local seed
    train "$1" "$2" --epochs null --steps 300 --schedule.warmup_epochs 0 \
        --schedule.warmup_steps 30 "${@:3}"
    for seed in $seeds; do tuned+=("$made/$1_seed$seed"); done
}

train student feature_distillation/vit_mini_cifar10_distil --teacher.pretrained "$teacher"
tune teacher_tuned full/vit_mini_cifar10_full --pretrained "$teacher"
tune student_tuned feature_distillation/vit_mini_cifar10_tune --pretrained "$made/student_seedSEED"
tune fresh_tuned feature_distillation/vit_mini_cifar10_tune

first=${seeds%% *}
diagnosed=("$teacher" "$made"/{student,teacher_tuned,student_tuned,fresh_tuned}_seed"$first")
for run in "${diagnosed[@]}"; do
    .venv/bin/python eval.py --pretrained "$run" --protocol diagnose --diagnose.steps 0 \
        --data.root "$data"
done
.venv/bin/python scripts/keep_results.py --rename "$data" CIFAR10_FOLDER --rename "$runs" runs \
    results/distillation.json "${tuned[@]}" "$teacher" "$made/student_seed$first"
.venv/bin/python scripts/results_page.py
