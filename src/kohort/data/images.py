"""Image files: checked first, by their headers, then described for decoding or decoded at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kohort.arrays import PathLike, TableLike
from kohort.data.decoding import Images, is_grey, upright_size
from kohort.data.streams import Stream
from kohort.errors import DataError

_SHOWN = 5


@dataclass(frozen=True)
class Header:
    """The facts in the first bytes of a file.

    Attributes
    ----------
    fault : str
        Why it is no image; "" if it is one.
    size : (height, width)
        Of the image upright, as its EXIF data say.
    grey : bool
    """

    fault: str = ""
    size: tuple[int, int] = (0, 0)
    grey: bool = False


def is_paths(X: TableLike) -> bool:
    """Whether X is a list, an array or a Series of file paths."""
    if isinstance(X, np.ndarray) or hasattr(X, "iloc"):
        listed = X.ndim == 1
    else:
        listed = isinstance(X, list | tuple)
    return listed and len(X) > 0 and isinstance(next(iter(X)), str | os.PathLike)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            'Image files need Pillow, which is not installed. Run: pip install "kohort[images]"'
        ) from error
    return Image


def headers(paths: Sequence[Any]) -> list[Header]:
    """Read the header of every file, and the last bytes of a JPEG, which is often cut off."""
    image = _pillow()

    def header(path: PathLike) -> Header:
        try:
            if Path(path).stat().st_size == 0:
                return Header("has no bytes")
            with image.open(path) as opened:
                size = upright_size(opened)
                grey = is_grey(opened)
                kind = opened.format
                opened.verify()
            if kind == "JPEG" and not _ends(path):
                with image.open(path) as opened:
                    opened.load()  # Some end in bytes of their camera's own; what is cut off fails.
        except FileNotFoundError:
            return Header("does not exist")
        except Exception as error:
            return Header(f"is no image that can be read ({type(error).__name__})")
        return Header("", size, grey)

    with ThreadPoolExecutor() as pool:
        return list(pool.map(header, paths))


def _ends(path: PathLike) -> bool:
    """Whether a JPEG file ends with the marker of its end."""
    with Path(path).open("rb") as file:
        file.seek(-2, os.SEEK_END)
        return file.read() == b"\xff\xd9"


def refuse_faults(
    paths: Sequence[Any],
    found: Sequence[Header],
    remedy: str = 'Mend or remove them, or set bad_images="skip" to train without them.',
) -> None:
    """Raise one error that names the files at fault, if there are any, and the remedy.

    Raises
    ------
    DataError
    """
    faults = [f"{path} {h.fault}" for path, h in zip(paths, found, strict=True) if h.fault]
    if not faults:
        return
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    raise DataError(
        f"{len(faults)} of {len(paths)} image files cannot be used: "
        f"{'; '.join(faults[:_SHOWN])}{more}. {remedy}"
    )


def image_files(
    paths: Sequence[Any],
    found: Sequence[Header],
    size: tuple[int, int] | None,
    channels: int | None,
    crop: bool = False,
) -> Images:
    """Describe how files are decoded.

    Parameters
    ----------
    paths : sequence of path
    found : sequence of Header
        One per file.
    size : (height, width) or None
        None for the size that all files have.
    channels : {1, 3} or None
        None for 1 if every file is grey, else 3.
    crop : bool, default=False
        Keep the aspect ratio and cut off what is too long.

    Raises
    ------
    DataError
        If a file is no image, or the files have several sizes and `size` is None.
    """
    refuse_faults(paths, found)
    sizes = sorted({header.size for header in found})
    if size is None and len(sizes) > 1:
        several = ", ".join(f"{height}x{width}" for height, width in sizes[:_SHOWN])
        raise DataError(
            f"The image files have {len(sizes)} sizes ({several}, ...). Set "
            "image_size=(height, width), to which all are resized."
        )
    height, width = sizes[0] if size is None else size
    if channels is None:
        channels = 1 if all(header.grey for header in found) else 3
    return Images(tuple(map(str, paths)), int(height), int(width), channels, crop)


def image_rows(images: Images, workers: int) -> Stream:
    """Rows of pixels that stay in their files."""
    return Stream(images, images.shape, np.uint8, workers)
