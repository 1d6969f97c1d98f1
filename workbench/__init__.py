"""The terminal application that people look at results in."""
