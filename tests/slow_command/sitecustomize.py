"""Python reads this at its start where the folder is on PYTHONPATH: workers then know the command `slow`, too."""

import sys

if "engine.jobs.worker" in sys.orig_argv:
    import slow_command

    slow_command.enter()
