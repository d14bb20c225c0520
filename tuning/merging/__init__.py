"""From an adapter to the files that serve: merging, GGUF, conversion."""
