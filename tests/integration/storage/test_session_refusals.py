"""A file that is not ours to use is refused with one clear sentence, and stays as it is."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from meva_adapters.contracts.storage_samples import HEADER, timer
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.schema import APPLICATION_ID, SCHEMA_VERSION, TABLES
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.errors import StorageError
from tests.integration.storage.sessions import (
    as_common_user,
    change,
    closed_session,
    contents,
    cut_off_session,
    rows,
)

Opening = Callable[[Path], object]
OPENINGS = pytest.mark.parametrize("opening", [SqliteSession.open, SessionTape], ids=["continue", "read"])


def refusal(opening: Opening, path: Path) -> str:
    """Return why *opening* refuses *path*, in one line that names it; check that nothing was changed."""
    before = contents(path)
    with pytest.raises(StorageError) as refused:
        opening(path)
    sentence = str(refused.value)

    assert before == contents(path)
    assert "\n" not in sentence
    assert sentence.startswith(os.fspath(path))
    return sentence


def creating(path: Path) -> SqliteSession:
    """Start a new session at *path*."""
    return SqliteSession.create(path, HEADER)


def test_directory_and_file_belong_to_their_owner_alone(tmp_path: Path) -> None:
    """Whatever the umask, what is made is 0700 and 0600, the log included."""
    path = tmp_path / "data" / "live" / "session.db"
    umask = os.umask(0)
    try:
        session = creating(path)
        session.append(timer(1))
        session.commit()
    finally:
        os.umask(umask)
    modes = {
        file.name: stat.S_IMODE(file.stat().st_mode)
        for file in (path.parent.parent, path.parent, *path.parent.iterdir())
    }
    session.close()

    assert {"data": 0o700, "live": 0o700, "session.db": 0o600, "session.db-wal": 0o600} == modes
    assert ["session.db"] == [file.name for file in path.parent.iterdir()]


def test_tight_umask_does_not_lock_us_out(tmp_path: Path) -> None:
    """A umask that takes everything away leaves a session that its owner can continue."""
    umask = os.umask(0o777)
    try:
        creating(tmp_path / "data" / "session.db").close()
    finally:
        os.umask(umask)

    assert 0o600 == stat.S_IMODE((tmp_path / "data" / "session.db").stat().st_mode)


def test_open_permissions_are_taken_back(tmp_path: Path) -> None:
    """A session that a copy made readable for everybody is private again once it is continued."""
    path = closed_session(tmp_path / "session.db")
    path.chmod(0o666)
    SqliteSession.open(path).close()

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_only_declared_tables_exist(tmp_path: Path) -> None:
    """A misspelt table is never made on the way; every table is strict."""
    path = closed_session(tmp_path / "session.db")
    found = rows(
        path, "SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    )

    assert [(name, 1) for name in TABLES] == found


def test_settings_are_those_that_survive_a_loss_of_power(tmp_path: Path) -> None:
    """Write-ahead log, synchronous to the disk, for one process alone."""
    session = creating(tmp_path / "session.db")
    names = (
        "journal_mode",
        "synchronous",
        "locking_mode",
        "foreign_keys",
        "trusted_schema",
        "user_version",
        "application_id",
    )
    found = [session._file.database.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    session.close()

    assert ["wal", 2, "exclusive", 1, 0, SCHEMA_VERSION, APPLICATION_ID] == found


@OPENINGS
def test_a_second_opener_is_refused(tmp_path: Path, opening: Opening) -> None:
    """While a session runs nobody else continues or reads it, and it goes on undisturbed."""
    session = creating(tmp_path / "session.db")

    assert "is in use by another agent" in refusal(opening, session.path)

    session.append(timer(1))
    session.close()
    with SessionTape(session.path) as tape:
        assert [timer(1)] == list(tape.entries())


@pytest.mark.parametrize("refused_before", [False, True])
def test_another_process_is_refused(tmp_path: Path, refused_before: bool) -> None:
    """Neither an agent nor a plain SQLite program gets in, even after an attempt in our own process."""
    session = creating(tmp_path / "session.db")
    session.append(timer(1))
    session.commit()
    if refused_before:
        with pytest.raises(StorageError, match="is in use"):
            SqliteSession.open(session.path)
    program = (
        "import sqlite3, sys\n"
        "from pathlib import Path\n"
        "from meva_adapters.storage.sqlite_journal import SqliteSession\n"
        "for opening in (lambda p: sqlite3.connect(p, timeout=0).execute('SELECT * FROM journal'),\n"
        "                lambda p: SqliteSession.open(Path(p))):\n"
        "    try:\n"
        "        opening(sys.argv[1])\n"
        "    except Exception as problem:\n"
        "        print(problem)\n"
    )
    lines = subprocess.run(
        [sys.executable, "-c", program, session.path],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    ).stdout.splitlines()
    session.close()

    assert "database is locked" == lines[0]
    assert "is in use by another agent" in lines[1]


def test_a_reader_keeps_writers_out_and_readers_not(tmp_path: Path) -> None:
    """A session is not continued while somebody verifies it; two may verify it at once."""
    path = closed_session(tmp_path / "session.db")
    with SessionTape(path), SessionTape(path):
        assert "is in use" in refusal(SqliteSession.open, path)
    session = SqliteSession.open(path)
    session.close()

    assert 10 == session.last_sequence()


def test_creating_never_replaces(tmp_path: Path) -> None:
    """Whatever stands at the path is kept: a session, a file of somebody, a link to nowhere."""
    taken = closed_session(tmp_path / "session.db")
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "nowhere.db")

    assert "exists already" in refusal(creating, taken)
    with pytest.raises(StorageError, match="exists already"):
        creating(link)
    assert not (tmp_path / "nowhere.db").exists()


@OPENINGS
def test_a_missing_file_is_refused(tmp_path: Path, opening: Opening) -> None:
    """Nothing is made by looking for it."""
    assert "does not exist" in refusal(opening, tmp_path / "session.db")
    with pytest.raises(StorageError, match="does not exist"):
        opening(tmp_path / "no" / "session.db")
    assert [] == list(tmp_path.iterdir())


@OPENINGS
@pytest.mark.parametrize(
    "content", [b"a diary", bytes(4_096), b"SQLite format 2\0" + bytes(4_096)], ids=["text", "zeros", "old"]
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, opening: Opening, content: bytes) -> None:
    """What is no database is not touched, and not taken for an empty one."""
    path = tmp_path / "session.db"
    path.write_bytes(content)

    assert "no database. Choose another file; it was not changed." in refusal(opening, path)


@OPENINGS
def test_a_database_of_another_program_is_refused(tmp_path: Path, opening: Opening) -> None:
    """A database without our mark is somebody's, whatever its tables are called."""
    path = tmp_path / "session.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE journal (sequence INTEGER)")

    assert "is a database of another program" in refusal(opening, path)


@OPENINGS
def test_a_newer_schema_is_refused(tmp_path: Path, opening: Opening) -> None:
    """An older program does not guess what a newer one wrote."""
    path = closed_session(tmp_path / "session.db")
    change(path, "PRAGMA user_version = 7")

    expected = f"CFG-151 store has schema 7, this program knows up to {SCHEMA_VERSION}. Upgrade the program"
    assert expected in refusal(opening, path)


@OPENINGS
@pytest.mark.parametrize("kept_bytes", [100, 512, 5_000, -4_096, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, opening: Opening, kept_bytes: int) -> None:
    """A copy that was cut short is noticed at once."""
    path = closed_session(tmp_path / "session.db")
    path.write_bytes(path.read_bytes()[:kept_bytes])

    assert "is damaged" in refusal(opening, path)


@OPENINGS
@pytest.mark.parametrize("page", range(1, 8))
def test_a_broken_page_is_refused(tmp_path: Path, opening: Opening, page: int) -> None:
    """A page of noise is noticed at once."""
    path = closed_session(tmp_path / "session.db")
    content = bytearray(path.read_bytes())
    content[page * 4_096 : page * 4_096 + 64] = b"\xa5" * 64
    path.write_bytes(content)

    assert "is damaged" in refusal(opening, path)


@OPENINGS
def test_a_session_that_was_only_begun_is_refused(tmp_path: Path, opening: Opening) -> None:
    """A program that was stopped while it made the file leaves nothing that looks like a session."""
    empty = tmp_path / "empty.db"
    empty.touch()
    without_header = closed_session(tmp_path / "session.db")
    change(without_header, "DELETE FROM header")

    for path in (empty, without_header):
        assert "was only begun" in refusal(opening, path)
        assert "Remove it and start again." in refusal(opening, path)


@OPENINGS
def test_links_and_folders_are_refused(tmp_path: Path, opening: Opening) -> None:
    """A link could lead to a file that somebody else chose."""
    link = tmp_path / "link.db"
    link.symlink_to(closed_session(tmp_path / "session.db"))

    assert "is a symbolic link" in refusal(opening, link)
    with pytest.raises(StorageError, match="is no regular file"):
        opening(tmp_path)


@OPENINGS
def test_a_linked_log_is_refused(tmp_path: Path, opening: Opening) -> None:
    """What SQLite would fold into the session must be of the same owner, and no link."""
    path = cut_off_session(tmp_path / "session.db")
    log = path.with_name("session.db-wal")
    log.rename(tmp_path / "elsewhere")
    log.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StorageError, match=r"session\.db-wal: is a symbolic link"):
        opening(path)


@OPENINGS
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_somebody_else_is_refused(tmp_path: Path, opening: Opening) -> None:
    """A file that another user may change at any time is not trusted."""
    path = closed_session(tmp_path / "session.db")
    os.chown(path, 65_534, 65_534)

    assert "belongs to user 65534" in refusal(opening, path)


@OPENINGS
def test_an_unreadable_file_is_refused(opening: Opening) -> None:
    """A file whose permissions forbid it is not opened."""
    with as_common_user() as folder:
        path = closed_session(folder / "session.db")
        path.chmod(0)
        with pytest.raises(StorageError, match=r"session\.db: cannot be opened: Permission denied\."):
            opening(path)
        path.chmod(0o600)


def test_an_unwritable_directory_is_refused() -> None:
    """Without a place for the log a session is neither made nor continued; reading needs no such place."""
    with as_common_user() as folder:
        path = closed_session(folder / "session.db")
        folder.chmod(0o500)
        try:
            for opening, target in (
                (SqliteSession.open, path),
                (creating, folder / "new.db"),
                (creating, folder / "a" / "b.db"),
            ):
                with pytest.raises(StorageError, match=r"Choose a place that you may write to\."):
                    opening(target)
            with SessionTape(path) as tape:
                assert 10 == len(list(tape.entries()))
        finally:
            folder.chmod(0o700)


def test_a_directory_for_everybody_is_refused(tmp_path: Path) -> None:
    """Where everybody may write, everybody may swap the session for another."""
    path = closed_session(tmp_path / "session.db")
    tmp_path.chmod(0o777)

    for opening, target in ((SqliteSession.open, path), (creating, tmp_path / "new.db")):
        with pytest.raises(StorageError, match="writable by every user, who could swap the session"):
            opening(target)
    tmp_path.chmod(0o1777)
    SqliteSession.open(path).close()


def test_a_file_as_directory_is_refused(tmp_path: Path) -> None:
    """A session cannot lie inside a file."""
    path = tmp_path / "file"
    path.touch()

    for target in (path / "session.db", path / "deeper" / "session.db"):
        with pytest.raises(StorageError, match=r"is not a directory|Not a directory"):
            creating(target)


@pytest.mark.parametrize(
    ("wanted", "configured"), [({"account": "other"}, "other, paper"), ({"mode": "live"}, "main, live")]
)
def test_the_session_of_another_account_or_mode_is_refused(
    tmp_path: Path, wanted: dict[str, str], configured: str
) -> None:
    """A live agent never continues on paper's books, nor on those of another account."""
    path = closed_session(tmp_path / "session.db")

    assert (
        f'CFG-150 store belongs to account "main", mode paper; configured: {configured}. Choose another store file.'
    ) in refusal(lambda place: SqliteSession.open(place, **wanted), path)
    SqliteSession.open(path, account="main", mode="paper").close()
