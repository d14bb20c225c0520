#!/bin/sh
# Everything that must hold before a change lands; the quick checks first.
set -eu
bin=.venv/bin
began=$(date +%s)

echo '== lint, format, spelling, layers';
$bin/ruff check .
$bin/ruff format --check -q .
$bin/codespell
$bin/lint-imports
echo '== types'
$bin/mypy
echo '== widget: types, size, unit tests'
$bin/python widget/hatch_build.py check
echo '== tests'
$bin/pytest "$@"
echo "== all of it in $(( ($(date +%s) - began) / 60 )) min $(( ($(date +%s) - began) % 60 )) s"
