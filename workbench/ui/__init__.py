"""What all screens share: tables, fields, dialogs, keys, themes. It imports no screen."""
