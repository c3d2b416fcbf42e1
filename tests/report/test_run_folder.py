"""A run's folder: complete or not there, and the only thing that --overwrite ever removes."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from pathlib import Path

import pytest

from kohort import DataError
from kohort.report.run_folder import MARK, new_folder, write_file


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def _run(path, text="text", **options):
    with new_folder(path, **options) as folder:
        (folder / "file").write_text(text)


@contextmanager
def _refused(folder, words):
    """Nothing in a folder changes, and one sentence says why."""
    before = {str(p): p.is_file() and p.read_bytes() for p in sorted(folder.rglob("*"))}
    with pytest.raises(DataError, match=words) as caught:
        yield
    assert "\n" not in str(caught.value)
    assert {str(p): p.is_file() and p.read_bytes() for p in sorted(folder.rglob("*"))} == before


def test_a_folder_takes_its_name_when_it_is_complete(tmp_path):
    with new_folder(tmp_path / "deep" / "run") as folder:
        (folder / "file").write_text("text")
        assert not (tmp_path / "deep" / "run").exists()
    assert (tmp_path / "deep" / "run" / "file").read_text() == "text"
    assert _names(tmp_path / "deep") == ["run"]
    assert _names(tmp_path / "deep" / "run") == [MARK, "file"]


def _interrupted(path, error):
    with new_folder(path, overwrite=True) as folder:
        (folder / "file").write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_run_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        _interrupted(tmp_path / "run", error)
    assert _names(tmp_path) == []


def test_an_occupied_folder_is_kept(tmp_path):
    _run(tmp_path / "run", "old")
    with _refused(tmp_path, "`out` must be a new or an empty folder"):
        _run(tmp_path / "run")
    with pytest.raises(ValueError):
        _interrupted(tmp_path / "run", ValueError)
    assert _names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "file").read_text() == "old"


def test_overwriting_replaces_a_run(tmp_path):
    _run(tmp_path / "run", "old")
    with new_folder(tmp_path / "run", overwrite=True) as folder:
        (folder / "new").write_text("new")
    assert _names(tmp_path) == ["run"]
    assert _names(tmp_path / "run") == [MARK, "new"]
    _run(tmp_path / "run", overwrite=True)


def test_an_empty_folder_is_taken(tmp_path):
    for overwrite in (False, True):
        (tmp_path / f"run{overwrite}").mkdir()
        _run(tmp_path / f"run{overwrite}", overwrite=overwrite)
        assert (tmp_path / f"run{overwrite}" / "file").is_file()


def test_what_kohort_did_not_write_is_never_removed(tmp_path):
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "table.csv").write_text("a,b")
    for folder in (data, tmp_path, data / "deep"):
        (folder / "run.json").write_text("{}")  # Not even where it looks like a run.
        with _refused(tmp_path, "hold nothing else"):
            _run(folder, overwrite=True)
    _run(data / "run")
    for folder in (data, tmp_path):  # Nor where a run lies inside of it.
        with _refused(tmp_path, "kohort did not write; nothing was removed"):
            _run(folder, overwrite=True)


@pytest.mark.parametrize("foreign", ["notes.txt", ".hidden", "folder/", "empty/", "link"])
def test_a_run_with_notes_of_its_user_s_is_kept(tmp_path, foreign):
    run = tmp_path / "run"
    _run(run)
    if foreign == "link":
        (run / foreign).symlink_to(tmp_path)
    elif foreign.endswith("/"):
        (run / foreign).mkdir()
    else:
        (run / foreign).write_text("mine")
    with _refused(tmp_path, f"It holds '{foreign.strip('/')}'"):
        _run(run, overwrite=True)


def test_a_file_of_a_run_that_became_something_else_is_kept(tmp_path):
    run = tmp_path / "run"
    _run(run)
    (run / "file").unlink()
    (run / "file").mkdir()
    (run / "file" / "mine").write_text("mine")
    with _refused(tmp_path, "It holds 'file'"):
        _run(run, overwrite=True)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"files": 3}', "[" * 9999, '{"files": ["../../table.csv"]}', "\xff"]
)
def test_a_mark_that_is_none_marks_nothing(tmp_path, text):
    run = tmp_path / "run"
    _run(run)
    (tmp_path / "table.csv").write_text("mine")
    (run / MARK).write_text(text, encoding="latin-1")
    with _refused(tmp_path, "hold nothing else"):
        _run(run, overwrite=True)


def test_a_link_to_a_run_stays_a_link(tmp_path):
    _run(tmp_path / "run", "old")
    (tmp_path / "latest").symlink_to(tmp_path / "run")
    _run(tmp_path / "latest", "new", overwrite=True)
    assert (tmp_path / "latest").is_symlink()
    assert (tmp_path / "run" / "file").read_text() == "new"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "table.csv").write_text("mine")
    (tmp_path / "other").symlink_to(tmp_path / "data")
    with _refused(tmp_path, "It holds 'table.csv'"):
        _run(tmp_path / "other", overwrite=True)
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    with pytest.raises(DataError, match="`out` must be a folder that can be written"):
        _run(tmp_path / "ring")


def test_a_run_that_is_read_is_not_replaced(tmp_path):
    run = tmp_path / "run"
    _run(run)
    with _refused(tmp_path, "It holds 'file', which this run reads"):
        _run(run, overwrite=True, read=[run / "file", None])


def test_the_folder_that_one_is_in_is_not_replaced(tmp_path, monkeypatch):
    _run(tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")
    for path in (".", "../run", ".."):
        with _refused(tmp_path, "a folder other than the one that you are in"):
            _run(path, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_comes_into_the_place_of_a_run_meanwhile_is_kept_and_so_is_the_run(
    tmp_path, overwrite
):
    run = tmp_path / "run"
    if overwrite:
        _run(run, "old")

    def search():
        with new_folder(run, overwrite) as folder:
            (folder / "file").write_text("new")
            run.mkdir(exist_ok=True)
            (run / "notes.txt").write_text("mine")

    with pytest.raises(DataError, match=r"kept in '.*run-2'"):
        search()
    assert (run / "notes.txt").read_text() == "mine"
    assert (tmp_path / "run-2" / "file").read_text() == "new"
    assert _names(tmp_path) == ["run", "run-2"]
    assert (run / "file").exists() == overwrite


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_is_replaced_or_not_however_it_is_interrupted(tmp_path, monkeypatch, number):
    def interrupted(path, target, rename=Path.rename):
        signal.raise_signal(number)
        return rename(path, target)

    def raising(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(number, raising)
    try:
        _run(tmp_path / "run", "old")
        monkeypatch.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            _run(tmp_path / "run", "new", overwrite=True)
        assert signal.getsignal(number) is raising
    finally:
        signal.signal(number, before)
    assert _names(tmp_path) == ["run"]
    assert (tmp_path / "run" / "file").read_text() == "new"


@pytest.mark.parametrize("name", ["file", "file/run"])
def test_a_path_that_cannot_be_a_folder_is_an_error(tmp_path, name):
    (tmp_path / "file").write_text("text")
    for overwrite in (False, True):
        with pytest.raises(DataError, match="`out` must be a folder"):
            _run(tmp_path / name, overwrite=overwrite)
    assert _names(tmp_path) == ["file"]


def test_names_as_long_as_the_system_takes_and_longer(tmp_path):
    _run(tmp_path / ("n" * 250))
    write_file(tmp_path / ("f" * 255), "text")
    assert len(_names(tmp_path)) == 2
    with pytest.raises(DataError, match="File name too long"):
        _run(tmp_path / ("n" * 300))
    with pytest.raises(DataError, match="File name too long"):
        write_file(tmp_path / ("f" * 300), "text")


_KILLED = """
    import os, sys
    from pathlib import Path
    from kohort.report.run_folder import new_folder
    with new_folder(Path(sys.argv[1])) as folder:
        (folder / "file").write_text("half")
        os._exit(9)
"""


def test_what_killed_runs_leave_is_removed_by_the_next(tmp_path):
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
    for name in ("run", "run-b"):
        arguments = [sys.executable, "-c", textwrap.dedent(_KILLED), str(tmp_path / name)]
        assert subprocess.run(arguments, env=environment, check=False).returncode == 9
    assert len(_names(tmp_path)) == 2
    with new_folder(tmp_path / "run", overwrite=True):  # Neither what runs nor what is another's.
        assert sum(name.startswith(".run.kohort-") for name in _names(tmp_path)) == 1
        with new_folder(tmp_path / "run", overwrite=True) as folder:
            assert sum(name.startswith(".run.kohort-") for name in _names(tmp_path)) == 2
            assert folder.is_dir()
    assert sum(name.startswith(".run-b.kohort-") for name in _names(tmp_path)) == 1


def test_a_file_is_written_or_not_there(tmp_path):
    write_file(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="`out` must be a file that can be written"):
        write_file(tmp_path / "folder", "text")
    with pytest.raises(DataError, match="`out` must be a file that can be written"):
        write_file(tmp_path / "none" / "file", "text")
    assert _names(tmp_path) == ["file", "folder"]


def test_a_mark_names_what_a_folder_holds(tmp_path):
    _run(tmp_path / "run")
    content = json.loads((tmp_path / "run" / MARK).read_text(encoding="utf-8"))
    assert content["files"] == ["file"]
