"""Users: one event, its history, and what models would show."""
