"""Rollout: how a new voice comes to answer everybody, and how it is taken back by itself."""
