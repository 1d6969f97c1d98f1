"""Data: datasets, their events, items and audits."""
