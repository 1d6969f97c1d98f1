"""Help: the keys of a screen, and the guide."""
