#!/usr/bin/env bash
# Compile the CUDA kernels. Usage: bash scripts/build_cuda_kernels.sh [LIBRARY [ARCHITECTURE ...]]
# By default sm_70 to sm_90, as far as the installed nvcc knows them, and PTX of the newest of them,
# which newer GPUs compile for themselves: into src/mindtune/ops/kernels/libmindtune_cuda.so.
set -euo pipefail
kernels=$(cd "$(dirname "$0")/../src/mindtune/ops/kernels" && pwd)
library=${1:-$kernels/libmindtune_cuda.so}
wanted=("${@:2}")
[ ${#wanted[@]} -gt 0 ] || wanted=(70 75 80 86 89 90)

if ! command -v nvcc >/dev/null; then
    echo "build_cuda_kernels.sh: nvcc not found, expected on PATH; install the CUDA toolkit" \
        "(11.5 or newer) or add its bin folder to PATH" >&2
    exit 1
fi
known=$(nvcc --list-gpu-arch)
targets=()
for architecture in "${wanted[@]}"; do
    grep -qx "compute_$architecture" <<<"$known" || continue
    targets+=(-gencode "arch=compute_$architecture,code=sm_$architecture")
    newest=$architecture
    built="${built:-}sm_$architecture "
done
if [ ${#targets[@]} -eq 0 ]; then
    echo "build_cuda_kernels.sh: got architectures ${wanted[*]}, expected some of" $known >&2
    exit 1
fi
targets+=(-gencode "arch=compute_$newest,code=compute_$newest")

nvcc -std=c++17 -O3 -I"$kernels" -shared -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Wextra \
    --threads 0 "${targets[@]}" -o "$library" "$kernels"/cuda/*.cu
echo "built $library: ${built}and PTX of compute_$newest, with $(nvcc --version | grep release)"
