"""Put a disk of our own under the sqlite3 module: it is told of every file operation and may make it fail.

While `mounted`, the disk stands in for SQLite's default one, so that a store runs unchanged, with its own settings
and its own code down to the system calls. What becomes of the operations is the disk's business, not this module's.
"""

from __future__ import annotations

import _sqlite3
import contextlib
import ctypes
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol

import pytest
from attrs import frozen

OK: Final = sqlite3.SQLITE_OK
# Flags of xOpen (sqlite3.h): files whose first sync takes the directory with it (os_unix.c, UNIXFILE_DIRSYNC).
_OPEN_LOGS: Final = 0x0800 | 0x4000 | 0x8_0000
_NAME: Final = b"watched"
# Our part of a file object, before that of the disk underneath: the table of methods, kept aligned.
_OURS_BYTES: Final = 16

_INT, _LONG, _POINTER = ctypes.c_int, ctypes.c_int64, ctypes.c_void_p
_METHODS: Final[dict[str, tuple[Any, ...]]] = {
    "xClose": (),
    "xRead": (_POINTER, _INT, _LONG),
    "xWrite": (_POINTER, _INT, _LONG),
    "xTruncate": (_LONG,),
    "xSync": (_INT,),
    "xFileSize": (_POINTER,),
    "xLock": (_INT,),
    "xUnlock": (_INT,),
    "xCheckReservedLock": (_POINTER,),
    "xFileControl": (_INT, _POINTER),
    "xSectorSize": (),
    "xDeviceCharacteristics": (),
}
_FAILING: Final = {
    "xRead": "read",
    "xWrite": "write",
    "xTruncate": "truncate",
    "xSync": "sync",
    "xFileSize": "size",
    "xLock": "lock",
}
_TYPES: Final = {
    name: ctypes.CFUNCTYPE(_INT, _POINTER, *arguments) for name, arguments in _METHODS.items()
} | {
    "xOpen": ctypes.CFUNCTYPE(_INT, _POINTER, _POINTER, _POINTER, _INT, _POINTER),
    "xDelete": ctypes.CFUNCTYPE(_INT, _POINTER, ctypes.c_char_p, _INT),
    "xAccess": ctypes.CFUNCTYPE(_INT, _POINTER, ctypes.c_char_p, _INT, _POINTER),
    "xRandomness": ctypes.CFUNCTYPE(_INT, _POINTER, _INT, _POINTER),
    "xSleep": ctypes.CFUNCTYPE(_INT, _POINTER, _INT),
}


class _Methods(ctypes.Structure):
    """sqlite3_io_methods of version 1: no shared memory and no mapped file, so a store that needs them fails."""

    _fields_ = (("iVersion", _INT), *((name, _POINTER) for name in _METHODS))


class _Vfs(ctypes.Structure):
    """sqlite3_vfs, version 3."""

    _fields_ = (
        ("iVersion", _INT),
        ("szOsFile", _INT),
        ("mxPathname", _INT),
        ("pNext", _POINTER),
        ("zName", ctypes.c_char_p),
        ("pAppData", _POINTER),
        *(
            (name, _POINTER)
            for name in (
                *(
                    "xOpen",
                    "xDelete",
                    "xAccess",
                    "xFullPathname",
                    "xDlOpen",
                    "xDlError",
                    "xDlSym",
                    "xDlClose",
                ),
                *("xRandomness", "xSleep", "xCurrentTime", "xGetLastError", "xCurrentTimeInt64"),
                *("xSetSystemCall", "xGetSystemCall", "xNextSystemCall"),
            )
        ),
    )


@frozen
class Operation:
    """Tell what happened to the file *name*.

    *kind* is open, write, truncate, delete, sync, or failed sync. *directory* says whether the
    directory's entries became durable with it.
    """

    kind: str
    name: str
    at: int = 0
    content: bytes = b""
    directory: bool = False


class Disk(Protocol):
    """Decide which operations fail, and hear of those that changed something."""

    def refusal(self, kind: str) -> int:
        """Return the SQLite code that the next operation of *kind* fails with, or `OK`."""
        ...

    def happened(self, operation: Operation) -> None:
        """Take note of *operation*."""
        ...


@contextlib.contextmanager
def mounted(disk: Disk) -> Iterator[None]:
    """Give every connection that is opened in the block *disk*; close them all before its end."""
    library = _library()
    mount = _Mount(library, disk)
    assert OK == library.sqlite3_vfs_register(ctypes.byref(mount.vfs), 1)
    library.sqlite3_randomness(0, None)  # Forgets its state, so that the next salt comes from our seed.
    try:
        yield
    finally:
        library.sqlite3_vfs_unregister(ctypes.byref(mount.vfs))
        library.sqlite3_vfs_register(ctypes.byref(mount.base), 1)
        library.sqlite3_randomness(0, None)
    assert not mount.files, "every file was closed"


def _library() -> ctypes.CDLL:
    """Return the very library that the sqlite3 module calls, or skip the test where it cannot be reached."""
    # The symbols of what the module is linked against are found through the module itself.
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    try:
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        library.sqlite3_libversion.restype = ctypes.c_char_p
        version = library.sqlite3_libversion().decode()
    except AttributeError:
        pytest.skip("this Python has SQLite built in without its symbols: no disk can be put under it")
    assert sqlite3.sqlite_version == version
    return library


class _Mount:
    """Stand between SQLite and its default disk."""

    def __init__(self, library: ctypes.CDLL, disk: Disk) -> None:
        self.base = library.sqlite3_vfs_find(None).contents
        assert self.base.zName != _NAME, "one disk at a time"
        self._disk = disk
        self._random = Random(0)
        self.files: dict[int, str] = {}
        self._logs_unsynced: set[int] = set()
        self._functions: dict[tuple[str, int], Any] = {}
        # Everything that is not ours stays as it is: a copy of the table goes to the functions underneath.
        self.vfs = _Vfs.from_buffer_copy(self.base)
        self.vfs.zName = _NAME
        self.vfs.szOsFile = _OURS_BYTES + self.base.szOsFile
        self._callbacks: list[Any] = []
        for name, function in (
            ("xOpen", self._open),
            ("xDelete", self._delete),
            ("xAccess", self._access),
            ("xRandomness", self._randomness),
            ("xSleep", lambda _, microseconds: microseconds),  # Waiting for a lock takes no time here.
        ):
            setattr(self.vfs, name, self._callback(name, function))
        self._methods = _Methods(1)
        for name in _METHODS:
            setattr(self._methods, name, self._callback(name, self._method(name)))

    def _callback(self, name: str, function: Callable[..., int]) -> int | None:
        callback = _TYPES[name](function)
        self._callbacks.append(callback)  # Or it is gone while SQLite still calls it.
        return ctypes.cast(callback, _POINTER).value

    def _below(self, name: str, table: ctypes.Structure) -> Any:
        address = getattr(table, name)
        return self._functions.setdefault((name, address), _TYPES[name](address))

    def _open(self, _: int, name: int | None, file: int, flags: int, flags_out: int | None) -> int:
        path = Path(ctypes.string_at(name).decode()) if name else None
        code = self._disk.refusal("open")
        if code == OK:
            code = self._below("xOpen", self.base)(
                ctypes.addressof(self.base), name, file + _OURS_BYTES, flags, flags_out
            )
        opened = code == OK
        _POINTER.from_address(file).value = ctypes.addressof(self._methods) if opened else None
        if opened:
            self.files[file] = path.name if path else ""
            if flags & _OPEN_LOGS:
                self._logs_unsynced.add(file)
            self._tell(Operation("open", self.files[file]))
        return code

    def _delete(self, _: int, name: bytes, directory: int) -> int:
        code = self._disk.refusal("delete")
        if code == OK:
            code = self._below("xDelete", self.base)(ctypes.addressof(self.base), name, directory)
        if code == OK:
            self._tell(Operation("delete", Path(name.decode()).name, directory=bool(directory)))
        return code

    def _access(self, _: int, name: bytes, flags: int, result: int) -> int:
        code = self._disk.refusal("access")
        if code != OK:
            return code
        return self._below("xAccess", self.base)(ctypes.addressof(self.base), name, flags, result)

    def _randomness(self, _: int, count: int, out: int) -> int:
        ctypes.memmove(out, self._random.randbytes(count), count)
        return count

    def _method(self, name: str) -> Callable[..., int]:
        failing = _FAILING.get(name)

        def call(file: int, *arguments: Any) -> int:
            code = OK if failing is None else self._disk.refusal(failing)
            if code != OK:
                self._half(name, file, arguments)
                return code
            code = self._call(name, file, arguments)
            if code == OK:
                self._note(name, file, arguments)
            return code

        return call

    def _call(self, name: str, file: int, arguments: tuple[Any, ...]) -> int:
        below = file + _OURS_BYTES
        table = _Methods.from_address(_POINTER.from_address(below).value or 0)
        return self._below(name, table)(below, *arguments)

    def _half(self, name: str, file: int, arguments: tuple[Any, ...]) -> None:
        """Do what a failing operation may do before it fails: write a part; sync nothing and forget that."""
        match name, arguments:
            case "xWrite", (buffer, count, at) if count > 1:
                half = (buffer, count // 2, at)
                assert OK == self._call(name, file, half)
                self._note(name, file, half)
            case "xSync", _:
                self._tell(Operation("failed sync", self.files[file]))
            case _:
                return

    def _note(self, name: str, file: int, arguments: tuple[Any, ...]) -> None:
        match name, arguments:
            case "xWrite", (buffer, count, at):
                content = ctypes.string_at(buffer, count)
                self._tell(Operation("write", self.files[file], at=at, content=content))
            case "xTruncate", (size,):
                self._tell(Operation("truncate", self.files[file], at=size))
            case "xSync", _:
                directory = file in self._logs_unsynced
                self._logs_unsynced.discard(file)
                self._tell(Operation("sync", self.files[file], directory=directory))
            case "xClose", _:
                del self.files[file]
            case _:
                return

    def _tell(self, operation: Operation) -> None:
        if operation.name:  # Files without a name are SQLite's own scratch paper.
            self._disk.happened(operation)
