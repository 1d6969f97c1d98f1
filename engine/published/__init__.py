"""The thesis' numbers, as data."""
