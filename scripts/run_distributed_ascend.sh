#!/usr/bin/env bash
# Train on several Ascend devices of this machine, one process each (HCCL), started by MindSpore's
# msrun. Not yet run: see docs/distributed.md.
# Usage: bash scripts/run_distributed_ascend.sh DEVICES [TRAIN.PY OPTIONS]
#   e.g. bash scripts/run_distributed_ascend.sh 8 --config configs/full/vit_b16_imagenet.yaml \
#            --pretrained B_16.npz --data.root IMAGENET_FOLDER --restart_on_failure 3
# PYTHON=... chooses the interpreter; ASCEND_RT_VISIBLE_DEVICES=... the devices.
# PORT=... is msrun's (8118); what the ranks print is also in LOGS=... (msrun_logs).
set -euo pipefail
repository="$(cd "$(dirname "$0")/.." && pwd)"
source "$repository/scripts/launch_environment.sh"
ranks="${1:?expected the number of devices; see the head of this file}"
shift
launcher="msrun --worker_num=$ranks --local_worker_num=$ranks --join=True \
    --master_port=${PORT:-8118} --log_dir=${LOGS:-msrun_logs}"
exec "$python" "$repository/train.py" --launcher "$launcher" --device_target Ascend "$@"
