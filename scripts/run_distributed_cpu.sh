#!/usr/bin/env bash
# Train on several processes of this machine's processors: the cores are shared out evenly.
# Usage: bash scripts/run_distributed_cpu.sh RANKS [TRAIN.PY OPTIONS]
#   e.g. bash scripts/run_distributed_cpu.sh 2 --config configs/quickstart/moment_probing.yaml \
#            --pretrained weights/vit_digits_patch4_16.safetensors --restart_on_failure 3
# PYTHON=... chooses the interpreter; OMP_NUM_THREADS=... the threads a rank.
# HOSTFILE=... runs on several machines, see docs/distributed.md.
set -euo pipefail
repository="$(cd "$(dirname "$0")/.." && pwd)"
source "$repository/scripts/launch_environment.sh"
ranks="${1:?expected the number of ranks; see the head of this file}"
shift
launcher="mpirun -n $ranks --bind-to none ${HOSTFILE:+--hostfile $HOSTFILE}"
exec "$python" "$repository/train.py" --launcher "$launcher" --device_target CPU "$@"
