"""Items and histories as sentences, exact in tokens (thesis 4.1)."""
