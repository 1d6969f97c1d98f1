"""Models that are compared with: sequence models over item ids or text features, and keyword search (thesis 3.5)."""
