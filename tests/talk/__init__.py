"""Follow-up dialogues over our own manual, replayed through the real pipeline."""
