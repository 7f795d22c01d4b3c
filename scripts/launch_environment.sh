# Sourced by run_distributed_*.sh: finds python and the launchers beside it.
python="${PYTHON:-$repository/.venv/bin/python}"
if ! command -v "$python" >/dev/null; then
    python="$(command -v python3)"
fi
PATH="$(dirname "$(command -v "$python")"):$PATH"
export PATH
if [ "$(id -u)" = 0 ]; then # as in containers; Open MPI asks to be told twice
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
