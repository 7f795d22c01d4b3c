#!/usr/bin/env bash
# Build the CPU kernels with GCC's address sanitizer, then with its undefined-behaviour sanitizer,
# and run the tests of their C entry points against each; exits non-zero on any finding.
# Usage: bash scripts/sanitize_kernels.sh [PYTEST ARGUMENTS]
# PYTHON=/path/to/python chooses an interpreter that has the test extra (default .venv/bin/python),
# SANITIZERS=address or undefined one of the two builds, address,undefined a single one with both.
set -euo pipefail
cd "$(dirname "$0")/.."
kernels=$PWD/src/mindtune/ops/kernels
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# No hunt for leaks: Python's own allocations live as long as it does, and without a sanitizer,
# which keeps freed memory aside, a test looks for growth. Fresh memory reads as NaN, which no test
# takes for a result.
export ASAN_OPTIONS=detect_leaks=0:max_malloc_fill_size=1073741824:malloc_fill_byte=255
export UBSAN_OPTIONS=print_stacktrace=1
export PYTHONMALLOC=malloc

build() { # SANITIZER
    local options=(-fsanitize="$1" -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g
        -std=gnu++17 -I"$kernels" -fopenmp -fno-math-errno -fvisibility=hidden -fPIC)
    mkdir "$folder/$1"
    (
        cd "$folder/$1"
        find "$kernels" -name "*.cpp" -print0 | xargs -0 -n 1 -P "$(nproc)" g++ "${options[@]}" -c
        g++ -shared "${options[@]}" ./*.o -o kernels.so
    )
}

# Without tests/conftest.py, which loads MindSpore; -s, since a finding ends the process at once.
check() { # SANITIZER [PYTEST ARGUMENTS]
    local library=$folder/$1/kernels.so runtime=libasan.so
    [ "$1" = undefined ] && runtime=libubsan.so
    shift
    # The C++ library too: the sanitizer looks for it before Python has loaded the kernels.
    LD_PRELOAD="$(g++ -print-file-name=$runtime) $(g++ -print-file-name=libstdc++.so.6)" \
        MINDTUNE_KERNEL_LIBRARY="$library" \
        "${PYTHON:-.venv/bin/python}" -m pytest -s --noconftest -p no:cacheprovider \
        --deselect tests/ops/test_kernel_threads.py::test_calls_leave_no_memory_behind \
        tests/ops/test_kernels.py tests/ops/test_kernel_*.py "$@"
}

for sanitizer in ${SANITIZERS:-address undefined}; do
    echo "== $sanitizer"
    build "$sanitizer"
    check "$sanitizer" "$@"
done
