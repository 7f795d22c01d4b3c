#!/usr/bin/env bash
# Distil the small ViT trained on five CIFAR-10 classes into a fresh student, tune both, and the
# student's network without distillation, to the other five with equal budgets, three seeds; write
# docs/results_distillation.md and the attention figures. Some four hours on two free cores.
# Usage: bash scripts/cifar10_distillation.sh CIFAR10_FOLDER [RUNS_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:?usage: cifar10_distillation.sh CIFAR10_FOLDER [RUNS_FOLDER]}
runs=${2:-runs}
seeds=${SEEDS:-42 43 44}
teacher="$runs/vit_mini_cifar10_pretrain"

bash scripts/make_venv.sh
train() { # recipe, run, further options
    .venv/bin/python train.py --config "configs/$1.yaml" --data.root "$data" --out "$runs/$2" \
        --resume auto "${@:3}"
}

train full/vit_mini_cifar10_pretrain vit_mini_cifar10_pretrain
made=()
for seed in $seeds; do
    train feature_distillation/vit_mini_cifar10_distil "fd_student_$seed" --seed "$seed" \
        --teacher.pretrained "$teacher"
    train feature_distillation/vit_mini_cifar10_tune "fd_student_tuned_$seed" --seed "$seed" \
        --pretrained "$runs/fd_student_$seed"
    train full/vit_mini_cifar10_full "fd_teacher_tuned_$seed" --seed "$seed" --pretrained "$teacher"
    train feature_distillation/vit_mini_cifar10_tune "fd_fresh_tuned_$seed" --seed "$seed"
    made+=("$runs"/fd_{teacher,student,fresh}_tuned_"$seed")
done
first=${seeds%% *}
for run in "$teacher" "$runs/fd_student_$first" "$runs"/fd_{teacher,student}_tuned_"$first"; do
    .venv/bin/python eval.py --pretrained "$run" --protocol diagnose --diagnose.steps 0 \
        --data.root "$data"
done
.venv/bin/python scripts/results_table.py docs/results_distillation.md "${made[@]}"
