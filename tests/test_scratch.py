"""Files and folders that are being written: alone, complete, never left behind for good."""

import os
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest

from kohort.scratch import hidden_siblings, replacing, scratch_folder

_KILLED = """
    import os, sys
    from pathlib import Path
    from kohort.scratch import replacing
    with replacing(Path(sys.argv[1])) as file:
        file.write(b"half")
        file.flush()
        os._exit(9)
"""


def _write(path, content):
    with replacing(path) as file:
        file.write(content[: len(content) // 2])
        file.write(content[len(content) // 2 :])


def test_many_threads_may_write_to_one_path(tmp_path):
    path = tmp_path / "model"
    contents = [bytes([number]) * 10_000 for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda content: _write(path, content), contents))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_process_leaves_is_removed_by_the_next_that_writes_there(tmp_path):
    path, other = tmp_path / "model", tmp_path / "model-b"
    path.write_bytes(b"old")
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    for killed in (path, other):
        arguments = [sys.executable, "-c", textwrap.dedent(_KILLED), str(killed)]
        assert subprocess.run(arguments, env=environment, check=False).returncode == 9
    assert path.read_bytes() == b"old"
    assert len(hidden_siblings(path)) == len(hidden_siblings(other)) == 1
    with replacing(path) as file:
        file.write(b"new")
        with replacing(path) as inner:  # What is alive is left alone.
            inner.write(b"inner")
    assert path.read_bytes() == b"new"
    assert hidden_siblings(path) == []
    assert len(hidden_siblings(other)) == 1


_KILLED_WHILE_REMOVING = """
    import os, sys
    from pathlib import Path
    from kohort.scratch import scratch_folder
    removed = []
    with scratch_folder(Path(sys.argv[1])) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_bytes(b"rows of the user's")
        (folder / "file").write_bytes(b"rows of the user's")

        def rmdir(*arguments, really=os.rmdir, **options):
            removed.append(arguments)
            if len(removed) == int(sys.argv[2]):
                os._exit(9)
            really(*arguments, **options)

        os.rmdir = rmdir
"""


@pytest.mark.parametrize("last", [1, 2])
def test_what_a_process_leaves_that_is_killed_while_it_removes_is_removed(tmp_path, last):
    path = tmp_path / "folds"
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    script = [sys.executable, "-c", textwrap.dedent(_KILLED_WHILE_REMOVING), str(path), str(last)]
    assert subprocess.run(script, env=environment, check=False).returncode == 9
    assert len(hidden_siblings(path)) == 1
    with scratch_folder(path) as folder:
        assert hidden_siblings(path) == [folder]
    assert list(tmp_path.iterdir()) == []


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(b"old")
    path.chmod(0o600)
    with pytest.raises(TypeError):
        _write(path, [b"no", "bytes"])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    _write(path, b"new")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "model")
    _write(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "model").read_bytes() == b"new"
