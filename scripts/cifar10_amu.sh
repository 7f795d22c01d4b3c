#!/usr/bin/env bash
# Train a small CLIP on CIFAR-10 and add to it, by AMU-Tuning with a few images a class, a small ViT
# tuned by MP+ that has seen none of these classes; compare with Tip-Adapter and linear probes; keep it in
# results/amu.json and docs/results.md.
# The ViT is pre-trained and tuned on five classes with labels. The CLIP learns from captions of all ten, as
# published CLIPs have read of most classes they are asked for; of the five other, held-out classes
# it sees 500 images each. The few-shot and validation images come from the rest, and test images
# are seen by neither.
# The logits of this CLIP, 100 times its cosines, differ more than those of OpenAI's, for which that
# constant is made; so the weight of what is added to them is searched up to 60, not 3.
# Usage: bash scripts/cifar10_amu.sh CIFAR10_FOLDER [RUNS_FOLDER [EVAL.PY OPTIONS]]
# The options are for the few-shot evaluation.
set -euo pipefail
cd "$(dirname "$0")/.."
data=$(realpath "${1:?usage: cifar10_amu.sh CIFAR10_FOLDER [RUNS_FOLDER [EVAL.PY OPTIONS]]}")
runs=${2:-runs}
options=("${@:3}")
base=(airplane automobile bird cat deer)
held_out=(dog frog horse ship truck)
captioned=500 # images of a held-out class with which the CLIP is trained

bash scripts/make_venv.sh clip,report

link() { # folder, image files: an image folder's class
    mkdir -p "$1"
    ln -sfn -t "$1" "${@:2}"
}

for name in "${base[@]}"; do
    link "$runs/amu/clip_images/train/$name" "$data/train/$name"/*
done
for name in "${held_out[@]}"; do
    files=("$data/train/$name"/*)
    link "$runs/amu/clip_images/train/$name" "${files[@]:0:captioned}"
    link "$runs/amu/few_shot_images/train/$name" "${files[@]:captioned}"
    link "$runs/amu/few_shot_images/test/$name" "$data/test/$name"/*
done
for name in "${base[@]}" "${held_out[@]}"; do
    link "$runs/amu/clip_images/test/$name" "$data/test/$name"/*
done

.venv/bin/python train.py --config configs/full/vit_mini_cifar10_pretrain.yaml \
    --data.root "$data" --out "$runs/vit_mini_cifar10_pretrain" --resume auto
.venv/bin/python train.py --config configs/moment_probing/vit_mini_cifar10_mp_plus.yaml \
    --data.root "$data" --data.classes "[$(IFS=,; echo "${base[*]}")]" --epochs null --steps 400 \
    --schedule.warmup_epochs 0 --schedule.warmup_steps 40 --evaluation.every_steps 400 \
    --pretrained "$runs/vit_mini_cifar10_pretrain" --out "$runs/vit_mini_cifar10_mp_base" --resume auto
.venv/bin/python train.py --config configs/clip/vit_mini_cifar10_contrastive.yaml \
    --data.root "$runs/amu/clip_images" --out "$runs/vit_mini_cifar10_contrastive" --resume auto
.venv/bin/python eval.py --protocol few_shot_clip --pretrained "$runs/vit_mini_cifar10_contrastive" \
    --amu.auxiliary "[{pretrained: $runs/vit_mini_cifar10_mp_base}]" \
    --data.root "$runs/amu/few_shot_images" --evaluation.batch_size 200 \
    --few_shot_clip.largest_alpha 60 \
    --out "$runs/amu/few_shot_clip" "${options[@]}"
.venv/bin/python scripts/keep_results.py --rename "$data" CIFAR10_FOLDER --rename "$runs" runs \
    results/amu.json "$runs"/vit_mini_cifar10_{pretrain,mp_base,contrastive} \
    "$runs/amu/few_shot_clip"
.venv/bin/python scripts/results_page.py
