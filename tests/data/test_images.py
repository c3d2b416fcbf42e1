"""Image files: every form is decoded, every fault is named."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kohort
from kohort.data.images import headers, image_files, image_rows, is_paths, refuse_faults
from kohort.data.pixel_store import PixelStore


@pytest.fixture
def picture():
    """Eight-bit RGB pixels, (6, 9, 3): a white left half, a red right half."""
    pixels = np.full((6, 9, 3), 255, np.uint8)
    pixels[:, 5:, 1:] = 0
    return pixels


def read_images(paths, size, channels, **options):
    return PixelStore().pixels(image_files(paths, headers(paths), size, channels, **options))


def written(folder, name, pixels, mode="RGB", **options):
    path = folder / name
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    (image if image.mode == mode else image.convert(mode)).save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "mode", "tolerance"),
    [
        ("a.png", "RGB", 0), ("a.png", "P", 0), ("a.png", "RGBA", 0), ("a.jpg", "RGB", 40),
        ("a.jpg", "CMYK", 40), ("a.webp", "RGB", 60), ("a.bmp", "RGB", 0),
    ],
)  # fmt: skip
def test_forms_of_the_same_picture_give_the_same_pixels(tmp_path, picture, name, mode, tolerance):
    path = written(tmp_path, name, picture, mode)
    pixels = read_images([path], None, None)
    assert pixels.shape == (1, 6, 9, 3)
    assert pixels.dtype == np.uint8
    away_from_the_edge = np.r_[0:3, 7:9]
    gap = np.abs(pixels[0].astype(int) - picture)[:, away_from_the_edge]
    assert gap.max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.jpg", "a.webp"])
def test_photographs_stand_upright_as_their_exif_data_say(tmp_path, name, orientation):
    """Pillow's own transposition is the oracle."""
    from PIL import ImageOps

    pixels = np.full((24, 48, 3), 255, np.uint8)
    pixels[:12, :16] = 0
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = written(tmp_path, name, pixels, exif=exif, quality=95)
    with Image.open(path) as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    assert headers([path])[0].size == upright.shape[:2]
    np.testing.assert_array_equal(read_images([path], None, 3)[0], upright)
    height, width = upright.shape[0] // 4, upright.shape[1] // 4
    small = read_images([path], (height, width), 3)[0]
    assert np.abs(small.astype(int) - upright[2::4, 2::4]).max() <= 60


def test_an_orientation_that_does_not_exist_says_nothing(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 77
    path = written(tmp_path, "a.jpg", picture, exif=exif)
    assert read_images([path], None, None).shape == (1, 6, 9, 3)


def test_grey_stays_grey_unless_another_is_coloured(tmp_path, picture):
    grey = written(tmp_path, "grey.png", picture, "L")
    assert read_images([grey], None, None).shape == (1, 6, 9, 1)
    both = [grey, written(tmp_path, "red.png", picture)]
    pixels = read_images(both, None, None)
    assert pixels.shape == (2, 6, 9, 3)
    assert (pixels[0, ..., 0] == pixels[0, ..., 1]).all()
    assert read_images(both, None, 1).shape == (2, 6, 9, 1)


def test_sixteen_bits_become_eight(tmp_path):
    levels = np.array([[0, 257, 25700, 65535]], np.uint16)
    path = tmp_path / "deep.png"
    Image.fromarray(levels).save(path)
    assert read_images([path], None, None).ravel().tolist() == [0, 1, 100, 255]


def test_what_is_transparent_is_white(tmp_path):
    clear = np.zeros((2, 2, 4), np.uint8)
    clear[0, 0] = (10, 20, 30, 255)
    pixels = read_images([written(tmp_path, "a.png", clear, "RGBA")], None, None)
    assert pixels[0, 0, 0].tolist() == [10, 20, 30]
    assert (pixels[0, 1] == 255).all()


def test_sizes_are_made_equal_or_refused(tmp_path, picture):
    paths = [written(tmp_path, "a.png", picture), written(tmp_path, "b.png", picture[:4])]
    with pytest.raises(kohort.DataError, match=r"2 sizes \(.*4x9.*image_size=\(height, width\)"):
        read_images(paths, None, None)
    assert read_images(paths, (5, 7), None).shape == (2, 5, 7, 3)


def test_every_fault_is_named_at_once(tmp_path, picture):
    good = written(tmp_path, "good.png", picture)
    empty, text = tmp_path / "empty.png", tmp_path / "text.png"
    empty.touch()
    text.write_text("no image")
    broken = tmp_path / "broken.png"
    broken.write_bytes(good.read_bytes()[:40])
    paths = [good, empty, text, broken, tmp_path / "gone.png"]
    found = headers(paths)
    assert [not header.fault for header in found] == [True, False, False, False, False]
    with pytest.raises(kohort.DataError, match="4 of 5 image files") as raised:
        refuse_faults(paths, found)
    for words in ("empty.png has no bytes", "gone.png does not exist", "text.png is no image"):
        assert words in str(raised.value)
    with pytest.raises(kohort.DataError, match=r"does not exist\. Leave them out\.$"):
        refuse_faults(paths, found, "Leave them out.")
    refuse_faults([good], found[:1])


def test_a_file_that_breaks_off_is_named_when_it_is_decoded(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = written(tmp_path, "cut.bmp", noise)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(kohort.DataError, match=r"cut\.bmp cannot be decoded"):
        read_images([path], None, None)


def test_a_jpeg_that_is_cut_off_is_found_before_it_is_decoded(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    whole = written(tmp_path, "whole.jpg", noise)
    cut, longer = tmp_path / "cut.jpg", tmp_path / "longer.jpg"
    cut.write_bytes(whole.read_bytes()[:900])
    longer.write_bytes(whole.read_bytes() + b"camera")
    assert [bool(header.fault) for header in headers([whole, cut, longer])] == [False, True, False]


@pytest.mark.parametrize(
    ("X", "answer"),
    [(["a.png"], True), (np.array(["a", "b"]), True), ([[1.0]], False), (np.zeros(3), False),
     ([], False)],
)  # fmt: skip
def test_paths_are_told_from_arrays(X, answer):
    assert is_paths(X) is answer


@pytest.fixture
def reads(monkeypatch):
    """Paths in the order in which files are decoded."""
    seen = []

    def spied(images, workers):
        class Spied:
            shape = image_rows(images, workers).shape

            def __getitem__(self, places):
                seen.extend(Path(images.paths[place]).stem for place in places)
                return image_rows(images, workers)[places]

        return Spied()

    monkeypatch.setattr("kohort.data.pixel_store.image_rows", spied)
    return seen


@pytest.fixture
def folds(tmp_path):
    """A function from numbers to the pixels of their files, each of one grey and 12 bytes."""
    paths = [
        written(tmp_path, f"{n}.png", np.full((2, 2, 3), n, np.uint8)) for n in range(10)
    ]  # fmt: skip

    def fold(store, numbers):
        chosen = [paths[n] for n in numbers]
        pixels = store.pixels(image_files(chosen, store.headers(chosen), None, None))
        assert pixels[:, 0, 0, 0].tolist() == list(numbers)
        return pixels

    return fold


def test_each_file_is_read_once_while_there_is_room(folds, reads):
    store = PixelStore(most_bytes=10 * 12)
    for numbers in ((0, 1, 2), (2, 3), (3, 0, 0), range(10)):
        folds(store, numbers)
    assert reads == [str(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)]


def test_pixels_whose_last_use_is_longest_ago_go_first(folds, reads):
    store = PixelStore(most_bytes=4 * 12)
    folds(store, (0, 1))
    folds(store, (2, 3))
    folds(store, (1,))
    folds(store, (4,))  # There is room for it once 2 and 3 are gone.
    del reads[:]
    folds(store, (0, 1, 4))
    assert reads == []
    folds(store, (2,))
    assert reads == ["2"]


def test_of_folds_that_are_larger_than_the_store_a_part_is_read_once(folds, reads):
    store = PixelStore(most_bytes=4 * 12)
    for _ in range(3):
        folds(store, range(10))
    assert reads == [*map(str, range(10)), *map(str, range(4, 10)), *map(str, range(4, 10))]


def test_what_a_store_holds_is_bounded(folds):
    store = PixelStore(most_bytes=5 * 12)
    for start in range(40):
        folds(store, [(start + n) % 10 for n in range(4)])
        assert 0 < store.nbytes <= 5 * 12


def test_headers_whose_last_use_is_longest_ago_go_first(tmp_path, picture, monkeypatch):
    paths = [written(tmp_path, f"{name}.png", picture) for name in "ab"]
    read = []
    monkeypatch.setattr(
        "kohort.data.pixel_store.headers",
        lambda paths: [read.append(Path(p).stem) or p for p in paths],
    )
    store = PixelStore(most_headers=1)
    assert store.headers(paths) == paths
    for path in (paths[1], paths[0]):
        assert store.headers([path]) == [path]
    assert read == ["a", "b", "a"]
