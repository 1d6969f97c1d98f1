"""Home: what there is, and the next step."""
