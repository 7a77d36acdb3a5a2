"""Whether the log's folder can be written, lies on a disk of this machine, and has room."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from carewatch.doctor.bounded import in_thread
from carewatch.doctor.finding import Finding, bad, good, warning

if TYPE_CHECKING:
    from carewatch.settings import Settings

PART = "folder of the log"
GIB = 1 << 30
LEAST_BYTES, ENOUGH_BYTES = 1 * GIB, 5 * GIB
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gfs2", "ocfs2", "fuse.sshfs"}
    | {"fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "fuse.ceph-fuse"}
)
"""SQLite's WAL needs memory shared by all its users: https://sqlite.org/wal.html, "does not work over a network"."""
MEMORY = frozenset({"tmpfs", "ramfs"})
MOUNTS = Path("/proc/self/mountinfo")


async def folder(settings: Settings) -> list[Finding]:
    """Writes and removes a small file there."""
    shed_bytes = settings.log.shed_free_mb << 20
    return await in_thread(lambda: _folder(settings.log.path.absolute().parent, shed_bytes))


def _folder(path: Path, shed_bytes: int) -> list[Finding]:
    existing = next(parent for parent in (path, *path.parents) if parent.exists())
    problem = _unwritable(existing)
    if problem:
        remedy = "let the user that runs carewatch write there, or set log.path to another folder"
        return [bad(PART, f"{path} cannot be written: {problem}", remedy)]
    kind = file_system(existing, MOUNTS.read_text("utf-8") if MOUNTS.exists() else "")
    return [_of_kind(path, kind) or good(PART, f"{path} can be written"), *_room(existing, shed_bytes)]


def _unwritable(existing: Path) -> str:
    """Why a file cannot be made and fsynced there; empty if it can."""
    try:
        with tempfile.TemporaryFile(dir=existing, prefix=".doctor-") as file:
            file.write(b"carewatch doctor")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return ""


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds `path`, by /proc/self/mountinfo (proc(5)); empty if not told there."""
    real = path.resolve()
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(before.split()[4].encode("ascii", "backslashreplace").decode("unicode_escape"))
        if real.is_relative_to(point) and len(point.parts) >= best:  # a later mount covers an earlier
            best, kind = len(point.parts), after.split()[0]
    return kind


def _of_kind(path: Path, kind: str) -> Finding | None:
    if kind in NETWORK:
        told = f"{path} lies on a network file system ({kind}), where SQLite's locks and shared memory do not hold"
        return bad(PART, told, "set log.path (and store.url) to a local disk")
    if kind in MEMORY:
        return bad(PART, f"{path} lies in memory ({kind}): gone at the next start", "set log.path to a disk")
    if kind == "overlay":
        told = f"{path} lies in the container's own layer, which goes with the container"
        return warning(PART, told, "mount a volume there, as docker-compose.yml does")
    return None


def _room(existing: Path, shed_bytes: int) -> list[Finding]:
    free = shutil.disk_usage(existing).free
    told = f"{free / GIB:.1f} GiB free"
    if free < shed_bytes:
        told += ", less than log.shed_free_mb: only emergencies are kept, watches hold the rest"
        return [bad(PART, told, "free room there at once")]
    if free < LEAST_BYTES:
        return [bad(PART, told, "free room there: with a full disk no reading can be kept")]
    if free < ENOUGH_BYTES:
        return [warning(PART, told, "free room there, or lower log.keep_days; docs/operations.md says what is needed")]
    return [good(PART, told)]
