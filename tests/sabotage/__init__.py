"""Sabotaged adapters: does the gate catch them? `python -m tests.sabotage` trains and asks."""
