"""Open a session file safely, or refuse it unchanged and say what to do; know no journal.

Refused are: links and files of others, files that are no session or come from a newer program, files in use,
and damaged files. A directory that is made gets 0700, the file always 0600, under any umask.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from attrs import define

from meva_adapters.storage.schema import APPLICATION_ID, SCHEMA_VERSION, migration_script
from meva_core.errors import StorageError

if TYPE_CHECKING:
    from sqlite_utils import Database

_LARGEST_PAGE_BYTES: Final = 65_536
_JOURNAL_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
_FILE_MODE: Final = 0o600
_DIRECTORY_MODE: Final = 0o700
_NO_LINK: Final = os.O_NOFOLLOW | os.O_CLOEXEC
# A full check reads the whole file; larger ones are checked by their chains as they are read.
_QUICK_CHECK_BYTES_MAX: Final = 64 * 1024 * 1024
_PRAGMAS: Final = (
    "PRAGMA locking_mode = EXCLUSIVE",  # A second process is refused, and no shared-memory file is needed.
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # With NORMAL a power loss takes back commits that were acknowledged.
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
)
BEGUN: Final = "was only begun: the program was stopped while it made the session."
_BROKEN: Final = "Keep a copy of the file for study and restore it from a backup."
_IN_USE: Final = "Stop that program first, or choose another file."
# What the disk or the system refused; everything else that SQLite reports is the content's fault.
_OF_THE_SYSTEM: Final = {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}
_WRITABLE: Final = "Choose a place that you may write to."
_NO_FILE: Final = ("does not exist.", "Check the name.")
_NO_PLACE: Final = ("cannot be made: its directory neither exists nor can be made.", _WRITABLE)
_DISK: Final = "Check the disk's space and health, then start again; what was committed is safe."
# How a check of the content words it when it could not read a page (btree.c, checkTreePage and checkList).
_UNREAD: Final = re.compile(r"unable to get the page\. error code=(?P<code>\d+)|failed to get page \d+")
# Files that this process holds. POSIX locks belong to the process, and closing any descriptor of a file drops those
# that SQLite has on it: so such a file is not even opened to find out that it is in use.
_HELD: Final[set[tuple[int, int]]] = set()


@define
class SessionFile:
    """Hold an open session file: its connection and the descriptor that keeps others out."""

    path: Path
    database: Database
    _lock: int

    def close(self) -> None:
        """Let go of the file; SQLite folds the write-ahead log into it, or leaves the log to the next opening."""
        with storage_errors(self.path), contextlib.ExitStack() as cleanup:
            cleanup.callback(_release, self._lock)
            cleanup.callback(self.database.conn.close)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise into `StorageError`."""
    try:
        yield
    except sqlite3.ProgrammingError as problem:
        raise StorageError(str(path), "is closed.", "Open the session again.") from problem
    except sqlite3.DatabaseError as problem:
        # The low byte names the kind; an error of the Python module itself carries no code at all.
        code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_BUSY:
            raise StorageError(str(path), "is in use by another program.", _IN_USE) from problem
        if code in _OF_THE_SYSTEM:
            raise StorageError(str(path), f"failed: {problem}.", _DISK) from problem
        raise StorageError(str(path), f"is damaged: {problem}.", _BROKEN) from problem
    except OSError as problem:
        raise StorageError(str(path), f"failed: {problem.strerror or problem}.", _DISK) from problem


def create_file(path: Path) -> SessionFile:
    """Create *path* with empty tables; refuse when anything is there already."""
    with _no_access(path, missing=_NO_PLACE):
        _make_directory(path.parent)
    _refuse_directory(path.parent)
    try:
        with _no_access(path, missing=_NO_PLACE):
            lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK, _FILE_MODE)
    except FileExistsError as problem:
        raise StorageError(str(path), "exists already.", "Choose another name, or remove it.") from problem
    with _releasing(lock):
        os.fchmod(lock, _FILE_MODE)
        _take(lock, path)
        return SessionFile(path, _connect(path, new=True), lock)


def open_file(path: Path) -> SessionFile:
    """Open an existing session file for writing, lifting an older schema to the present one."""
    _refuse_directory(path.parent)
    lock = _open_own(path, os.O_RDWR)
    with _releasing(lock):
        _take(lock, path)
        _refuse_foreign_companions(path)
        _refuse_stranger(os.pread(lock, 100, 0), path)
        os.fchmod(lock, _FILE_MODE)
        return SessionFile(path, _connect(path, new=False), lock)


def open_for_reading(path: Path) -> int:
    """Return a descriptor that shares *path* with other readers; refuse it while a writer has it."""
    lock = _open_own(path, os.O_RDONLY)
    with _releasing(lock):
        _take(lock, path, shared=True)
        _refuse_foreign_companions(path)
        _refuse_stranger(os.pread(lock, 100, 0), path)
        return lock


def check_integrity(connection: sqlite3.Connection, path: Path, *, size_bytes: int) -> None:
    """Raise `StorageError` when SQLite finds damage; very large files are left to their chains."""
    if size_bytes > _QUICK_CHECK_BYTES_MAX:
        return
    with storage_errors(path):
        [(verdict,)] = connection.execute("PRAGMA quick_check(1)").fetchall()
    if verdict == "ok":
        return
    sentence = " ".join(verdict.split()).rstrip(".") + "."
    unread = _UNREAD.search(sentence)
    # A disk that cannot read says nothing about the content: nobody is told to replace a sound file.
    if unread and int(unread["code"] or sqlite3.SQLITE_IOERR) & 0xFF in _OF_THE_SYSTEM:
        raise StorageError(str(path), f"failed: {sentence}", _DISK)
    raise StorageError(str(path), f"is damaged: {sentence}", _BROKEN)


def _connect(path: Path, *, new: bool) -> Database:
    # Imported where it is written with: it takes pandas along where that is installed, half a second for a reader.
    from sqlite_utils import Database

    with storage_errors(path), contextlib.ExitStack() as cleanup:
        # The session serialises its own calls, so that a writer thread may commit.
        connection = sqlite3.connect(path, timeout=1.0, isolation_level=None, check_same_thread=False)
        cleanup.callback(connection.close)
        if new:
            # Before the switch to WAL, so that the file's own first page names its owner from then on.
            connection.executescript(migration_script(0))
        for pragma in _PRAGMAS:
            connection.execute(pragma).fetchall()
        if not new:
            check_integrity(connection, path, size_bytes=path.stat().st_size)
            _migrate(connection, path)
        database = Database(connection, execute_plugins=False, strict=True)
        cleanup.pop_all()
        return database


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    # Asked again: the newest first page may stand in the write-ahead log.
    [(version,)] = connection.execute("PRAGMA user_version").fetchall()
    _refuse_newer(version, path)
    if version < SCHEMA_VERSION:
        connection.executescript(migration_script(version))


def _refuse_newer(version: int, path: Path) -> None:
    if version > SCHEMA_VERSION:
        problem = f"CFG-151 store has schema {version}, this program knows up to {SCHEMA_VERSION}."
        raise StorageError(str(path), problem, "Upgrade the program; the store was not changed.")


def _refuse_stranger(header: bytes, path: Path) -> None:
    """Judge a file by its first bytes, before SQLite may touch it (SQLite file format, section 1.3)."""
    remedy = "Choose another file; it was not changed."
    if not header or _in_its_first_transaction(path):
        raise StorageError(str(path), BEGUN, "Remove it and start again.")
    if header[:16] != b"SQLite format 3\0":
        raise StorageError(str(path), "is not a session: no database.", remedy)
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise StorageError(str(path), "is a database of another program, not a session.", remedy)
    _refuse_newer(int.from_bytes(header[60:64]), path)
    _refuse_cut_short(header, path)


def _in_its_first_transaction(path: Path) -> bool:
    """Return whether a rollback journal would take *path* back to nothing (SQLite file format, section 3).

    After a loss of power amid its creation a session's first page may be anything, and pages may be missing.
    """
    journal = path.with_name(path.name + "-journal")
    if not journal.exists():
        return False
    with _no_access(journal), journal.open("rb") as content:
        header = content.read(20)
    return header[:8] == _JOURNAL_MAGIC and header[16:20] == bytes(4)


def _refuse_cut_short(header: bytes, path: Path) -> None:
    """Compare the file's size to what its first page says; a log in use may still hold the missing pages."""
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        return
    page_bytes = int.from_bytes(header[16:18])
    page_bytes = _LARGEST_PAGE_BYTES if page_bytes == 1 else page_bytes  # Two bytes cannot hold it.
    expected, found = int.from_bytes(header[28:32]) * page_bytes, path.stat().st_size
    if found < expected:
        problem = f"is damaged: it was cut short, from {expected} bytes to {found}."
        raise StorageError(str(path), problem, _BROKEN)


def _make_directory(directory: Path) -> None:
    """Create *directory* with mode 0700 if it is missing, parents too, and so that it outlasts a loss of power."""
    missing = [place for place in (directory, *directory.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(_DIRECTORY_MODE, exist_ok=True)
        place.chmod(_DIRECTORY_MODE)
        _sync_directory(place.parent)


def _sync_directory(directory: Path) -> None:
    """Make durable what was made in *directory*; SQLite does so for its logs, and so for the session beside them."""
    # Some file systems cannot do it for a directory. SQLite does not insist either (os_unix.c, unixSync).
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refuse_directory(directory: Path) -> None:
    with _no_access(directory):
        facts = directory.stat()
    if not stat.S_ISDIR(facts.st_mode):
        raise StorageError(str(directory), "is not a directory.", "Choose another place for the session.")
    if facts.st_mode & stat.S_IWOTH and not facts.st_mode & stat.S_ISVTX:
        remedy = f"Run chmod o-w {directory}, or choose another place."
        raise StorageError(str(directory), "is writable by every user, who could swap the session.", remedy)
    if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
        remedy = "Choose a place that you may write to."
        raise StorageError(str(directory), "is not writable, and a session needs room for its log.", remedy)


def _open_own(path: Path, flags: int) -> int:
    """Open *path* if it is a plain file of ours; refuse links and the files of other users."""
    with _no_access(path):
        facts = path.lstat()
    _refuse_foreign(path, facts)
    if _identity(facts) in _HELD:
        raise _in_use(path)
    with _no_access(path):
        descriptor = os.open(path, flags | _NO_LINK)
    with _releasing(descriptor):
        _refuse_foreign(path, os.fstat(descriptor))
        return descriptor


def _refuse_foreign_companions(path: Path) -> None:
    """Judge the logs that SQLite would fold into *path*."""
    for suffix in ("-wal", "-journal"):
        companion = path.with_name(path.name + suffix)
        with contextlib.suppress(FileNotFoundError):
            _refuse_foreign(companion, companion.lstat())


def _refuse_foreign(path: Path, facts: os.stat_result) -> None:
    if not stat.S_ISREG(facts.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(facts.st_mode) else "no regular file"
        raise StorageError(str(path), f"is {kind}.", "Name the session file itself.")
    if facts.st_uid != os.geteuid():
        raise StorageError(str(path), f"belongs to user {facts.st_uid}.", "Use a session of your own.")


def _take(descriptor: int, path: Path, *, shared: bool = False) -> None:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        raise _in_use(path) from problem
    if not shared:
        _HELD.add(_identity(os.fstat(descriptor)))


def _in_use(path: Path) -> StorageError:
    return StorageError(str(path), "is in use by another agent.", _IN_USE)


def _identity(facts: os.stat_result) -> tuple[int, int]:
    return facts.st_dev, facts.st_ino


def _release(descriptor: int) -> None:
    """Close *descriptor*, after SQLite has closed its own."""
    _HELD.discard(_identity(os.fstat(descriptor)))
    os.close(descriptor)


@contextlib.contextmanager
def _no_access(path: Path, *, missing: tuple[str, str] = _NO_FILE) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except FileNotFoundError as problem:
        raise StorageError(str(path), *missing) from problem
    except OSError as problem:
        raise StorageError(str(path), f"cannot be opened: {problem.strerror}.", _WRITABLE) from problem


@contextlib.contextmanager
def _releasing(descriptor: int) -> Iterator[None]:
    """Close *descriptor* if the block fails."""
    try:
        yield
    except BaseException:
        _release(descriptor)
        raise
