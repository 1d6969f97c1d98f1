"""Long work as processes that outlive the terminal: doors, launchers, workers, locks. Imports nothing heavy."""
