"""Commands of their own modules; `server.cli` finds them by the entry points of the project."""
