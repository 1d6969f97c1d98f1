"""One table of results: which evaluations are rows, what is a column, what is marked; for every shell."""
