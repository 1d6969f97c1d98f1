"""Network disks are refused, and locks die with their holders."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from store.errors import BadInput, Failed
from store.filesystem import filesystem_type, refuse_network
from store.workspace import Workspace

# As in /proc/self/mountinfo; blanks in a mount point are written \040.
MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:26 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 0:27 / /home/me/fast\040disk rw - xfs /dev/sdb rw
32 22 0:28 / /mnt/cloud rw master:1 - fuse.sshfs me@host: rw
33 22 0:29 / /homework rw - btrfs /dev/sdc rw
broken line
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    return table


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/srv/workspace", "ext4"),
        ("/home/me/workspace", "nfs4"),
        ("/home", "nfs4"),
        ("/home/me/fast disk/workspace", "xfs"),  # the longest mount point that holds the folder decides
        ("/homework/workspace", "btrfs"),  # /home is no parent of /homework
        ("/mnt/cloud/a/b", "fuse.sshfs"),
    ],
)
def test_the_filesystem_of_a_folder(mounts: Path, folder: str, kind: str) -> None:
    assert filesystem_type(Path(folder), mounts) == kind


@pytest.mark.parametrize("folder", ["/home/me/workspace", "/mnt/cloud/workspace"])
def test_a_network_disk_is_refused_with_the_way_out(mounts: Path, folder: str) -> None:
    with pytest.raises(BadInput, match=r"network filesystem \((nfs4|fuse.sshfs)\).*--workspace"):
        refuse_network(Path(folder), mounts)


@pytest.mark.parametrize(("folder", "kind"), [("/srv/workspace", "ext4"), ("/home/me/fast disk/w", "xfs")])
def test_a_disk_of_this_machine_is_taken(mounts: Path, folder: str, kind: str) -> None:
    refuse_network(Path(folder), mounts)  # raises for the disks above
    assert filesystem_type(Path(folder), mounts) == kind


def test_where_the_system_says_nothing_the_folder_is_taken(tmp_path: Path) -> None:
    assert filesystem_type(tmp_path, tmp_path / "absent") == ""
    refuse_network(tmp_path, tmp_path / "absent")


HOLD = """
import sys
from pathlib import Path
from store.workspace import Workspace
with Workspace(Path(sys.argv[1])).lock("work"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_names_its_holder_and_dies_with_it(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(Failed, match=f"held by process {holder.pid}"), workspace.lock("work", wait=False):
        pass
    with workspace.lock("other", wait=False):
        pass
    holder.kill()
    holder.communicate()
    with workspace.lock("work", wait=False):
        pass
