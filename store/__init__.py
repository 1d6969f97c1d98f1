"""The workspace on disk: one SQLite file that holds everything but model weights and logs."""
