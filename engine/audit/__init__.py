"""Whether a number can be trusted: what a model was trained on, and what datasets share."""
