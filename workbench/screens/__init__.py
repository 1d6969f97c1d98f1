"""The areas and the dialogs."""
