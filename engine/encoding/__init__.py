"""Sentences as vectors, each computed once and kept in the store."""
