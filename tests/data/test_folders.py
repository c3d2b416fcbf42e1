"""Folders of images: what is found in them, and what is said of those that do not fit."""

import re

import numpy as np
import pytest
from PIL import Image

from kohort import DataError
from kohort.data.folders import common_form, files_within, labelled_files
from kohort.data.images import headers


def _image(path, size=(4, 6), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (size[1], size[0])).save(path)
    return path


@pytest.fixture
def folder(tmp_path):
    """Two classes, of two images and of one."""
    for name in ("dog/2.png", "dog/10.png", "cat/1.png"):
        _image(tmp_path / "images" / name)
    return tmp_path / "images"


def test_files_are_sorted_by_class_and_name(folder):
    paths, labels = labelled_files(folder)
    assert [str(path.relative_to(folder)) for path in paths] == [
        "cat/1.png", "dog/10.png", "dog/2.png",
    ]  # fmt: skip
    assert labels.tolist() == ["cat", "dog", "dog"]


def test_hidden_files_are_ignored(folder):
    for name in (".DS_Store", "cat/.hidden.png", "dog/Thumbs.db", ".git/config"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert len(labelled_files(folder)[0]) == 3


def _remove(folder, name):
    for path in (folder / name).iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: _image(f / "loose.png"), "Beside the classes it holds 'loose.png': move them"),
        (lambda f: _remove(f, "cat"), "No file is in 'cat': add images, or remove"),
        (lambda f: (_remove(f, "cat"), (f / "cat").rmdir()), "It holds one class, 'dog'."),
        (lambda f: _image(f / "cat" / "tabby" / "a.png"), "sub-folders 'tabby'."),
    ],
)
def test_a_folder_of_another_form_is_refused(folder, change, words):
    change(folder)
    with pytest.raises(DataError, match=re.escape(words)):
        labelled_files(folder)


def test_a_folder_of_parts_is_told_from_a_folder_of_classes(folder):
    folder.rename(folder.with_name("train"))
    parts = folder.parent
    _image(parts / "valid" / "cat" / "a.png")
    remedy = f"If these are the classes, give '{parts / 'train'}' itself."
    with pytest.raises(DataError, match=re.escape(remedy)):
        labelled_files(parts)


def test_images_without_classes_are_refused(folder):
    with pytest.raises(DataError, match=r"It holds no sub-folder\. Put the images of each class"):
        labelled_files(folder / "dog")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"`DATA` must be a folder that can be read; .* No such"):
        labelled_files(tmp_path / "absent")


def test_files_to_predict_may_lie_anywhere(folder):
    found = files_within([folder / "dog" / "2.png", folder])
    assert [path.name for path in found] == ["2.png", "1.png", "10.png", "2.png"]
    with pytest.raises(DataError, match="`DATA` must be an existing file or folder; got 'absent'"):
        files_within(["absent"])
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match="`DATA` must be image files, or folders with some"):
        files_within([folder / "empty"])


@pytest.mark.parametrize(
    ("sizes", "mode", "form"),
    [
        ([(8, 8), (8, 8)], "L", ((8, 8), 1)),
        ([(8, 8), (8, 8)], "RGB", ((8, 8), 3)),
        ([(8, 8), (8, 9)], "L", ((32, 32), 1)),
        ([(480, 640)], "RGB", ((24, 32), 3)),
        ([(1000, 4)], "1", ((32, 1), 1)),
    ],
)
def test_size_and_channels_are_those_in_common(tmp_path, sizes, mode, form):
    paths = [_image(tmp_path / f"{n}.png", size, mode) for n, size in enumerate(sizes)]
    assert common_form(headers(paths)) == form


def test_one_file_of_colour_makes_all_rgb(tmp_path):
    paths = [_image(tmp_path / "a.png"), _image(tmp_path / "b.png", mode="RGB")]
    assert common_form(headers(paths)) == ((4, 6), 3)
    assert np.asarray(Image.open(paths[0])).shape == (4, 6)
