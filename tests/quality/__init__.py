"""How good the answers are: corpora, a plain rival, and the figures, all from real content."""
