"""Jobs: what runs, its curve and its log."""
