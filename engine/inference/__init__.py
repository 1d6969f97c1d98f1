"""The inference process: keeps one model and its catalogue in memory and answers requests, one a line."""
