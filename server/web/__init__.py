"""The web: everything that knows Flask."""
