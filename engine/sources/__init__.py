"""Readers of raw files. Each returns a `SourceData`: what was in the files, not yet cleaned, split or filtered."""
