"""Image files to pixels. NumPy and Pillow alone, so that a loader's workers need not import
kohort.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ORIENTATION = 0x0112
"""EXIF's number of the orientation: phones store what the sensor saw, and how it was held."""

# By EXIF's orientation, the transposition (a `PIL.Image.Transpose`) that undoes it.
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
_ON_ITS_SIDE = (2, 4, 5, 6)
_PART_ROWS = 64
_PART_BYTES = 1024**2


@dataclass(frozen=True)
class Images:
    """Files of images, all decoded to one size and number of channels.

    Attributes
    ----------
    paths : tuple of str
    height, width : int
    channels : {1, 3}
    crop : bool
        Keep the aspect ratio: cut the longer side's ends off instead of squeezing it.
    """

    paths: tuple[str, ...]
    height: int
    width: int
    channels: int
    crop: bool = False

    @property
    def digest(self) -> bytes:
        """Equal for the same files that have not changed meanwhile, decoded alike."""
        # No cached_property: it holds a lock, which cannot be sent to workers.
        if "_digest" not in vars(self):
            object.__setattr__(self, "_digest", self._told())
        found: bytes = vars(self)["_digest"]
        return found

    def _told(self) -> bytes:
        digest = hashlib.blake2b(repr(self).encode(), digest_size=16)
        for path in self.paths:
            try:
                found = Path(path).stat()
            except OSError:  # Reading the file will say so.
                continue
            digest.update(f"{found.st_size} {found.st_mtime_ns}\n".encode())
        return digest.digest()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.uint8]:
        """Pixels of the given images, shape (row, height * width * channels)."""
        pixels = [decoded(self.paths[row], self.shape, self.crop) for row in rows]
        return np.stack(pixels).reshape(len(pixels), -1)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of each image."""
        return self.height, self.width, self.channels

    @property
    def part_rows(self) -> int:
        """Images that a worker decodes at once."""
        return max(1, min(_PART_ROWS, _PART_BYTES // (self.height * self.width * self.channels)))

    def costs(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> dict[str, float]:
        """Seconds that an image takes on average: `"disk"`, `"decode"`, `"resize"`.

        Files are read past the cache of the operating system where it allows that.
        """
        spent = np.zeros(3)
        for row in rows:
            marks = [time.perf_counter()]
            content = _read_cold(self.paths[row])
            marks.append(time.perf_counter())
            plain = _plain(io.BytesIO(content), self.shape)
            marks.append(time.perf_counter())
            _fitted(plain, self.shape, self.crop)
            marks.append(time.perf_counter())
            spent += np.diff(marks)
        return dict(zip(("disk", "decode", "resize"), (spent / len(rows)).tolist(), strict=True))


def decoded(path: str, shape: tuple[int, int, int], crop: bool) -> NDArray[np.uint8]:
    """Pixels of one file.

    Palettes, CMYK and 16 bits become RGB or grey of 8 bits; what is transparent is laid on white;
    photographs are turned upright, as their EXIF data say.
    A large JPEG is decoded at the least of its own reduced sizes that is twice as large as wanted.

    Parameters
    ----------
    path : str
    shape : (height, width, channel)
    crop : bool

    Raises
    ------
    ValueError
        Naming the file, if it cannot be decoded.
    """
    try:
        return _fitted(_plain(path, shape), shape, crop)
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except Exception as error:
        raise ValueError(f"{path} cannot be decoded ({error})") from error


def _plain(file: Any, shape: tuple[int, int, int]) -> Any:
    """An image of mode L or RGB, not much smaller than it is stored or than wanted."""
    from PIL import Image

    height, width, _ = shape
    with Image.open(file) as opened:
        turn = _turn(opened)
        if upright_size(opened) != (height, width):
            wanted = (2 * width, 2 * height)
            opened.draft(None, wanted[::-1] if turn in _ON_ITS_SIDE else wanted)
        plain = _eight_bits(opened)
    return plain if turn is None else plain.transpose(turn)


def _turn(opened: Any) -> int | None:
    """How an opened image must be turned to stand upright, as its EXIF data say; None for not.

    Pillow itself turns TIFF. EXIF data behind a PNG's pixels are not read, since that would decode
    the image.
    """
    if opened.format == "TIFF" or (opened.format == "PNG" and "exif" not in opened.info):
        return None
    try:
        return _TURNS.get(opened.getexif().get(_ORIENTATION))
    except Exception:  # Data that cannot be read say nothing; the pixels are what counts.
        return None


def upright_size(opened: Any) -> tuple[int, int]:
    """Height and width of an opened image when it stands upright."""
    width, height = opened.size
    return (width, height) if _turn(opened) in _ON_ITS_SIDE else (height, width)


def _fitted(plain: Any, shape: tuple[int, int, int], crop: bool) -> NDArray[np.uint8]:
    from PIL import Image

    height, width, channels = shape
    mode = "L" if channels == 1 else "RGB"
    converted = plain if plain.mode == mode else plain.convert(mode)
    if converted.size != (width, height):
        box = _middle(converted.size, (width, height)) if crop else None
        bilinear = Image.Resampling.BILINEAR
        converted = converted.resize((width, height), bilinear, box=box, reducing_gap=2.0)
    return np.asarray(converted, np.uint8).reshape(shape)


def _read_cold(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 (the descriptor is wanted)
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return file.read()


def is_grey(opened: Any) -> bool:
    """Whether an opened image has no colours, as far as its header tells."""
    clear = "transparency" in opened.info
    return opened.mode == "LA" or opened.mode.startswith("I") or (
        opened.mode in ("1", "L") and not clear
    )  # fmt: skip


def _middle(size: tuple[int, int], shape: tuple[int, int]) -> tuple[float, float, float, float]:
    """The largest part of an image around its middle that has another's aspect ratio."""
    factor = min(size[0] / shape[0], size[1] / shape[1])
    width, height = factor * shape[0], factor * shape[1]
    left, top = (size[0] - width) / 2, (size[1] - height) / 2
    return left, top, left + width, top + height


def _eight_bits(opened: Any) -> Any:
    """An image of mode L or RGB."""
    from PIL import Image

    if opened.mode.startswith("I"):
        levels = np.asarray(opened, np.float64)
        return Image.fromarray((levels / 257).round().clip(0, 255).astype(np.uint8))
    if opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info:
        clear = opened.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        flat = Image.alpha_composite(white, clear)
        return flat.convert("L" if opened.mode == "LA" else "RGB")
    if opened.mode in ("L", "RGB"):
        return opened.copy()
    return opened.convert("L" if opened.mode == "1" else "RGB")
