#!/usr/bin/env bash
# Train on several GPUs, one process each (NCCL). Not yet run: see docs/distributed.md.
# Usage: bash scripts/run_distributed_gpu.sh GPUS [TRAIN.PY OPTIONS]
#   e.g. bash scripts/run_distributed_gpu.sh 4 --config configs/moment_probing/vit_b16_cub200_mp.yaml \
#            --accumulate 1 --pretrained B_16.npz --data.root CUB_200_2011 --restart_on_failure 3
# PYTHON=... chooses the interpreter; CUDA_VISIBLE_DEVICES=... the GPUs.
# HOSTFILE=... runs on several machines, see docs/distributed.md.
set -euo pipefail
repository="$(cd "$(dirname "$0")/.." && pwd)"
source "$repository/scripts/launch_environment.sh"
ranks="${1:?expected the number of GPUs; see the head of this file}"
shift
launcher="mpirun -n $ranks --bind-to none ${HOSTFILE:+--hostfile $HOSTFILE}"
exec "$python" "$repository/train.py" --launcher "$launcher" --device_target GPU "$@"
