"""A process that keeps one model and its catalogue in memory and answers, line by line, what it is asked."""
