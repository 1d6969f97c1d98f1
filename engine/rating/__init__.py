"""Predicting the rating of an event (thesis 5.1.5)."""
