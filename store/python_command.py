"""How this program starts Python anew: nothing in the current directory is ever taken for a module.

Started as `python -m engine` or `python -c …`, Python looks for modules in the current directory first, and that may be
a folder that others write to. What a person sets in PYTHONPATH counts as always.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping


def python_command(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of this program in a Python of its own."""
    return [sys.executable, "-P", "-m", module, *arguments]


def python_environment(**changes: str) -> Mapping[str, str]:
    """This process' environment with these changes, for `python_command`.

    Where Python found this program in the current directory, because it is not installed, PYTHONPATH names its folder.
    """
    environment = {**os.environ, **changes}
    root = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
    if not sys.flags.safe_path and sys.path and os.path.realpath(sys.path[0] or ".") == root:
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH", "")]))
    return environment
