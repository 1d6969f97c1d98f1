"""From raw files to ranked catalogues: sources, sentences, encoder, ranking, metrics."""

__version__ = "0.1.0"
