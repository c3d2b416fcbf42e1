import pytest

from kohort import DataError
from kohort.report.run_folder import new_folder, write_file


def _names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_takes_its_name_when_it_is_complete(tmp_path):
    with new_folder(tmp_path / "deep" / "run") as folder:
        (folder / "file").write_text("text")
        assert not (tmp_path / "deep" / "run").exists()
    assert (tmp_path / "deep" / "run" / "file").read_text() == "text"
    assert _names(tmp_path / "deep") == ["run"]


def _interrupted(path, error):
    with new_folder(path, overwrite=True) as folder:
        (folder / "file").write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interrupted_run_leaves_nothing(tmp_path, error):
    with pytest.raises(error):
        _interrupted(tmp_path / "run", error)
    assert _names(tmp_path) == []


def test_an_occupied_folder_is_kept(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old").write_text("old")
    with (
        pytest.raises(DataError, match="`out` must be a new or an empty folder"),
        new_folder(tmp_path / "run"),
    ):
        pass
    with pytest.raises(ValueError):
        _interrupted(tmp_path / "run", ValueError)
    assert _names(tmp_path) == ["run"]
    assert _names(tmp_path / "run") == ["old"]


def test_overwriting_replaces_the_folder(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "old").write_text("old")
    with new_folder(tmp_path / "run", overwrite=True) as folder:
        (folder / "new").write_text("new")
    assert _names(tmp_path) == ["run"]
    assert _names(tmp_path / "run") == ["new"]


@pytest.mark.parametrize("name", ["file", "file/run"])
def test_a_path_that_cannot_be_a_folder_is_an_error(tmp_path, name):
    (tmp_path / "file").write_text("text")
    with pytest.raises(DataError, match="`out` must be a folder"), new_folder(tmp_path / name):
        pass
    assert _names(tmp_path) == ["file"]


def test_a_file_is_written_or_not_there(tmp_path):
    write_file(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="`out` must be a file that can be written"):
        write_file(tmp_path / "folder", "text")
    with pytest.raises(DataError, match="`out` must be a file that can be written"):
        write_file(tmp_path / "none" / "file", "text")
    assert _names(tmp_path) == ["file", "folder"]
