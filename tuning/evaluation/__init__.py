"""Judging a candidate: what it says, how likely it holds things, and the gate."""
