#!/usr/bin/env bash
# Build the CPU kernels with GCC's address sanitizer, then with its undefined-behaviour sanitizer,
# and run the tests of their C entry points against each; exits non-zero on any finding.
# Usage: bash scripts/sanitize_kernels.sh [PYTEST ARGUMENTS]
# PYTHON=/path/to/python chooses an interpreter that has the test extra (default .venv/bin/python),
# SANITIZERS="address" one of the two.
set -euo pipefail
cd "$(dirname "$0")/.."
kernels=src/mindtune/ops/kernels
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Python's own threads and allocations live as long as it does: leaks are the business of
# tests/ops/test_kernel_threads.py. Fresh memory reads as NaN, which no test takes for a result.
export ASAN_OPTIONS=detect_leaks=0:max_malloc_fill_size=1073741824:malloc_fill_byte=255
export UBSAN_OPTIONS=print_stacktrace=1
export PYTHONMALLOC=malloc

build() { # SANITIZER
    local source objects=()
    for source in "$kernels"/*.cpp; do
        g++ -std=gnu++17 -O1 -g -fno-omit-frame-pointer -fopenmp -fno-math-errno \
            -fvisibility=hidden -fPIC -fsanitize="$1" -fno-sanitize-recover=all \
            -c "$source" -o "$folder/$1-$(basename "$source").o" &
    done
    wait
    objects=("$folder/$1"-*.o)
    g++ -shared -fopenmp -fsanitize="$1" "${objects[@]}" -o "$folder/$1.so"
}

# Without tests/conftest.py, which loads MindSpore; -s, since a finding ends the process at once.
check() { # SANITIZER RUNTIME [PYTEST ARGUMENTS]
    local sanitizer=$1 runtime=$2
    shift 2
    echo "== $sanitizer"
    build "$sanitizer"
    # The C++ library too: the sanitizer looks for it before Python has loaded the kernels.
    LD_PRELOAD="$(g++ -print-file-name="$runtime") $(g++ -print-file-name=libstdc++.so.6)" \
        MINDTUNE_KERNEL_LIBRARY="$folder/$sanitizer.so" \
        "${PYTHON:-.venv/bin/python}" -m pytest -s --noconftest -p no:cacheprovider \
        tests/ops/test_kernels.py tests/ops/test_kernel_*.py "$@"
}

for sanitizer in ${SANITIZERS:-address undefined}; do
    case $sanitizer in
        address) check address libasan.so "$@" ;;
        undefined) check undefined libubsan.so "$@" ;;
        *) echo "error: unknown sanitizer $sanitizer; choose address or undefined" >&2; exit 1 ;;
    esac
done
