"""One document out of everything that experiments have found."""
