"""Searches over a model's settings by what its trials reach on the valid events."""
