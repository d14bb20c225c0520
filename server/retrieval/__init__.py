"""Retrieval: embeddings, vectors, lexical search and their fusion."""
