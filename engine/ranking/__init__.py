"""Exact ranks over whole catalogues."""
