"""From rank pairs to metrics, slices, intervals and differences (thesis 3.2)."""
