"""How much memory this process holds."""

from __future__ import annotations

import os
import resource
from pathlib import Path

KIB = 1024


def resident_bytes() -> int:
    """Bytes in memory now; where the system does not tell (macOS), the most that there ever were."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return pages * os.sysconf("SC_PAGE_SIZE")
