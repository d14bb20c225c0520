#!/bin/sh
# backup.sh FOLDER: write one archive of databases, uploads, voices and secrets, while Parlance runs.
#
# Reads PARLANCE_HOME, PARLANCE_DATABASE_URL and PARLANCE_JOBS_URL as Parlance does. Needs python3,
# and pg_dump where a database is PostgreSQL. Models and the vector index are left out: they are
# made again. The archive holds conversations and secrets: keep it where nobody else can read it.
set -eu
umask 077

folder=${1:?'usage: backup.sh FOLDER'}
home=${PARLANCE_HOME:-var}
python=${PYTHON:-python3}

[ -d "$home" ] || { echo "There is no home folder at $home: set PARLANCE_HOME." >&2; exit 1; }
mkdir -p "$folder"
draft=$(mktemp -d "$folder/.parlance-XXXXXX")
trap 'rm -rf "$draft"' EXIT
trap 'exit 1' INT TERM

# A running SQLite database must not be copied as a file: the newest pages lie in another one.
copy_sqlite() {
  "$python" - "$1" "$2" <<'PYTHON'
import sqlite3
import sys
from pathlib import Path

source, target = sys.argv[1:]
here = sqlite3.connect(f"{Path(source).resolve().as_uri()}?mode=ro", uri=True)
copy = sqlite3.connect(target)
here.backup(copy)
# One file, without the write-ahead log beside it.
copy.execute("PRAGMA journal_mode=DELETE")
if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
    sys.exit(f"{source} is damaged: the backup was not written.")
copy.close()
PYTHON
}

# copy_database NAME URL: the database of that URL, or NAME.db in the home folder.
copy_database() {
  case $2 in
    '') copy_sqlite "$home/$1.db" "$draft/$1.db" ;;
    sqlite:///*) copy_sqlite "${2#sqlite:///}" "$draft/$1.db" ;;
    postgres*) pg_dump --format=custom --file="$draft/$1.dump" \
      "$(printf %s "$2" | sed 's/^[a-z]*+[a-z0-9]*:/postgresql:/')" ;;
    *) echo "The database of $1 is of an unknown kind." >&2; exit 1 ;;
  esac
}

# The databases first: what is added after them is not known to them, and does no harm.
copy_database parlance "${PARLANCE_DATABASE_URL:-}"
copy_database jobs "${PARLANCE_JOBS_URL:-}"

set --
for name in uploads adapters secret.key cli.token; do
  [ ! -e "$home/$name" ] || set -- "$@" "$name"
done
archive="$folder/parlance-$(date -u +%Y%m%dT%H%M%SZ).tar"
# Status 1 says that a file grew while it was read: a voice in the making, which is not needed.
tar -cf "$draft/all.tar" --exclude='.making-*' -C "$draft" --exclude=all.tar \
  $(cd "$draft" && ls) -C "$(cd "$home" && pwd)" "$@" || [ $? -eq 1 ]
mv "$draft/all.tar" "$archive"
echo "$archive"
