"""Files and folders that are being written: theirs alone, and never left behind for good.

A file or folder that is being written stands under a hidden name of its own and is locked by the
process that writes. A process that is killed loses its locks, so that the next one that writes to
the same place sees which are dead and removes them.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: nothing says which are dead, and nothing is removed.
    fcntl = None  # type: ignore[assignment]

_LOCK = ".lock"
_LONGEST = 80
_TRIES = 100


def hidden_names(name: str) -> re.Pattern[str]:
    """Names under which a file or folder of this name stands while it is being written.

    Examples
    --------
    >>> bool(hidden_names("run").fullmatch(".run.kohort-0123456789abcdef"))
    True
    >>> bool(hidden_names("run").fullmatch(".run-b.kohort-0123456789abcdef"))
    False
    """
    return re.compile(re.escape(_stem(name)) + r"\.kohort-[0-9a-f]{16}")


def _stem(name: str) -> str:
    """The name, or what stands for it where it is too long for more to be appended."""
    if len(os.fsencode(name)) <= _LONGEST:
        return f".{name}"
    return f".{sha256(os.fsencode(name)).hexdigest()}"


def _hidden(path: Path) -> Path:
    return path.parent / f"{_stem(path.name)}.kohort-{secrets.token_hex(8)}"


def hidden_siblings(path: Path) -> list[Path]:
    """Files and folders beside a path that are, or were, being written to take its name."""
    pattern = hidden_names(path.name)
    try:
        return [entry for entry in path.parent.iterdir() if pattern.fullmatch(entry.name)]
    except OSError:
        return []


@contextmanager
def scratch_folder(path: Path, lasting: str = "") -> Iterator[Path]:
    """A new folder beside `path`, under a hidden name, that is gone when the block ends.

    The block may move it away. Folders that killed processes have left for the same path are
    removed first.

    Parameters
    ----------
    path : path
        Its parent must exist.
    lasting : str, default=""
        Name of a folder inside of it. If any folder of that one holds a file when the block fails,
        or when the process is killed, everything stays, and the next new folder for the same path
        has those files.

    Raises
    ------
    OSError
        If the folder cannot be made.
    """
    dead = hidden_siblings(path)
    folder, lock = _locked_folder(path)
    try:
        for old in dead:
            _remove_dead_folder(old, folder, lasting)
        yield folder
    except BaseException:
        if not (lasting and holds_files(folder / lasting)):
            _remove(folder)
        raise
    else:
        _remove(folder)
    finally:
        lock.close()


def holds_files(folder: Path) -> bool:
    """Whether there is any file in the folders inside of a folder."""
    return any(path.is_file() for path in folder.glob("*/*"))


def release(folder: Path) -> None:
    """Remove what marks a scratch folder as being written, before it is moved away."""
    (folder / _LOCK).unlink(missing_ok=True)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Keep Ctrl-C and SIGTERM back until the block ends.

    For steps that may not be left half done. The main thread alone receives signals, so that in
    other threads nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: arrived.append(number)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        for each in arrived:
            signal.raise_signal(each)


def _locked_folder(path: Path) -> tuple[Path, IO[bytes]]:
    for _ in range(_TRIES):
        folder = _hidden(path)
        folder.mkdir(mode=0o700)
        with suppress(FileNotFoundError):  # Empty, it was taken for dead.
            file = (folder / _LOCK).open("wb")
            if _lock(file) and _is_at(file, folder / _LOCK):
                return folder, file
            file.close()
    raise OSError(f"no folder beside {str(path)!r} could be locked")


def _remove_dead_folder(folder: Path, heir: Path, lasting: str) -> None:
    """Remove a folder that this user's killed process has left; leave any other as it is.

    Files of its folder `lasting`, if any, are moved to the heir first.
    """
    if fcntl is None or folder.is_symlink() or not _is_mine(folder):
        return
    with suppress(OSError):
        folder.rmdir()  # Its process was about to remove it, or to lock it.
    with suppress(OSError), (folder / _LOCK).open("rb") as file:
        if _lock(file):
            if lasting:
                _move_files(folder / lasting, heir / lasting)
            _remove(folder)


def _move_files(source: Path, target: Path) -> None:
    """Move every file of a folder to its place in another one on the same disk."""
    for path in source.rglob("*"):
        if path.is_file() and not path.is_symlink():
            place = target / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)


def _remove(folder: Path) -> None:
    """Remove a folder, its lock last: if the process is killed meanwhile, the next one goes on."""
    with suppress(OSError):
        for entry in [*os.scandir(folder)]:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif entry.name != _LOCK:
                Path(entry.path).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes the name `path` when the block ends without an error.

    Until then, and after an error, whatever has that name stays as it was. Any number of threads
    and processes may write to one path: the file of the last one to end stays. Its bytes are on the
    disk before it takes its name.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(os.path.realpath(path))  # A link stays one.
    for old in hidden_siblings(path):
        _remove_dead_file(old)
    partial, file = _locked_file(path)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if path.exists():
                partial.chmod(path.stat().st_mode & 0o777)
            if fcntl is None:
                file.close()  # Windows renames no open file.
            partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _locked_file(path: Path) -> tuple[Path, IO[bytes]]:
    for _ in range(_TRIES):
        partial = _hidden(path)
        file = partial.open("x+b")
        if _lock(file) and _is_at(file, partial):
            return partial, file
        file.close()
    raise OSError(f"no file beside {str(path)!r} could be locked")


def _remove_dead_file(partial: Path) -> None:
    if fcntl is None or partial.is_symlink() or not partial.is_file() or not _is_mine(partial):
        return
    with suppress(OSError), partial.open("rb") as file:
        if _lock(file):
            partial.unlink(missing_ok=True)


def _lock(file: IO[bytes]) -> bool:
    """Lock a file until it is closed; False if another holds it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # A file system without locks: nothing there is ever taken for dead.
        return file.writable()
    return True


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Whether an open file still has its name: nobody took it for dead before it was locked."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _is_mine(path: Path) -> bool:
    try:
        return path.lstat().st_uid == os.getuid()
    except OSError:
        return False


def _sync_folder(folder: Path) -> None:
    """Bring a new name onto the disk, where the system can."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
