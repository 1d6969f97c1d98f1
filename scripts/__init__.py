"""What draws and writes parts of the documentation."""
