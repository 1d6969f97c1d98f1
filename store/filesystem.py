"""What kind of disk a folder lies on, and locks that the kernel lets go when their holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from store.errors import BadInput, Failed

MOUNTS = Path("/proc/self/mountinfo")

# SQLite's write-ahead log is shared memory: two hosts on one network disk would each have their own.
NETWORK_TYPES = frozenset(
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb",
        "smb3",
        "smbfs",
        "ncpfs",
        "afs",
        "coda",
        "9p",
        "ceph",
        "lustre",
        "beegfs",
        "gpfs",
        "panfs",
        "orangefs",
        "ocfs2",
        "gfs2",
        "fuse.sshfs",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.s3fs",
        "fuse.rclone",
        "fuse.gcsfuse",
        "fuse.davfs",
        "davfs",
        "glusterfs",
    ]
)


def filesystem_type(folder: Path, mounts: Path = MOUNTS) -> str:
    """The type of the filesystem that holds `folder` (`ext4`, `nfs4`, …), or `""` where the system does not say.

    `mounts` is a table in the format of Linux' `/proc/self/mountinfo`.
    """
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    path = str(folder.absolute().resolve())
    best, kind = -1, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        fields = left.split(" ")
        if len(fields) < 5 or not right:
            continue
        point = fields[4].encode().decode("unicode_escape")  # blanks are written as \040
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best:
            best, kind = len(point), right.split(" ")[0]
    return kind


def refuse_network(folder: Path, mounts: Path = MOUNTS) -> None:
    """Refuse a folder on a network filesystem, naming the way out."""
    kind = filesystem_type(folder, mounts)
    if kind in NETWORK_TYPES:
        raise BadInput(
            f"{folder}: lies on a network filesystem ({kind}); SQLite's write-ahead log needs a disk of this machine. "
            "Choose a local folder with --workspace, and copy it afterwards."
        )


@contextmanager
def lock(path: Path, what: str, *, wait: bool = True) -> Iterator[None]:
    """Hold `path` as an exclusive lock while inside; the kernel lets it go if this process dies.

    With `wait=False`, `Failed` says who holds it. `BadInput` where the lock's file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)  # every user who may write here may lock
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be made ({error.strerror}), and without it nothing is written. Nothing was changed. "
            "Make the folder writable or choose another with --workspace."
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            holder = os.pread(handle, 64, 0).decode(errors="replace").strip()
            raise Failed(f"{what} is held by process {holder or 'unknown'}. Wait for it or stop it.") from None
        with suppress(OSError):  # on a full disk the lock holds all the same, without its holder's name
            os.truncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)
