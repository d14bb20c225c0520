"""Serving: everything between a visitor's question and the logged answer."""
