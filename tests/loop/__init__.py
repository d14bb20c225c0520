"""The whole loop on real content, as one table: `make loop`."""
