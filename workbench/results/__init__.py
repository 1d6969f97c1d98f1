"""Results: tables, comparisons, experiments and searches."""
