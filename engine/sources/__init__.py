"""Readers of raw files. Each returns a `Raw`: what was in the files, not yet cleaned, split or filtered."""
