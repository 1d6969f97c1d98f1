"""Questions that the command line and the workbench ask of a workspace; they only read, and import nothing heavy."""
