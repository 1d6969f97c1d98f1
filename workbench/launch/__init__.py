"""What can be started from a form: one file per kind of work, each a command line in the making."""
