"""Image files as arrays: checked first, then decoded, converted and resized by threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.errors import DataError

_SHOWN = 5


def is_paths(X: Any) -> bool:
    """Whether X is a list or an array of file paths."""
    if isinstance(X, np.ndarray):
        return X.ndim == 1 and len(X) > 0 and isinstance(X[0], str | os.PathLike)
    return isinstance(X, list | tuple) and len(X) > 0 and isinstance(X[0], str | os.PathLike)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            'Image files need Pillow, which is not installed. Run: pip install "kohort[images]"'
        ) from error
    return Image


def check_files(paths: Sequence[Any]) -> tuple[NDArray[np.bool_], dict[str, str]]:
    """Read the header of every file.

    Returns
    -------
    array of bool, shape (path,)
        Which files are images.
    dict
        Why each of the others is not.
    """
    image = _pillow()

    def fault(path: Any) -> str:
        try:
            if Path(path).stat().st_size == 0:
                return "has no bytes"
            with image.open(path) as opened:
                opened.verify()
        except FileNotFoundError:
            return "does not exist"
        except Exception as error:
            return f"is no image that can be read ({type(error).__name__})"
        return ""

    with ThreadPoolExecutor() as pool:
        faults = list(pool.map(fault, paths))
    found = {str(path): why for path, why in zip(paths, faults, strict=True) if why}
    return np.array([not why for why in faults]), found


def refuse(faults: dict[str, str], count: int) -> None:
    """Raise one error that names the files at fault, if there are any.

    Raises
    ------
    DataError
    """
    if not faults:
        return
    shown = "; ".join(f"{path} {why}" for path, why in list(faults.items())[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    raise DataError(
        f"{len(faults)} of {count} image files cannot be used: {shown}{more}. Mend or remove them, "
        'or set bad_images="skip" to train without them.'
    )


def read_images(
    paths: Sequence[Any], size: tuple[int, int] | None, channels: int | None
) -> NDArray[np.uint8]:
    """Decode image files.

    Grey stays grey where all files are; palettes, CMYK and 16 bits become RGB or grey of 8 bits;
    what is transparent is laid on white.

    Parameters
    ----------
    paths : sequence of path
    size : (height, width) or None
        None for the size that all files have.
    channels : {1, 3} or None
        None for 1 if every file is grey, else 3.

    Returns
    -------
    array of uint8, shape (image, height, width, channel)

    Raises
    ------
    DataError
        If a file cannot be decoded, or the files have several sizes and `size` is None.
    """
    image = _pillow()

    def decode(path: Any) -> Any:
        try:
            with image.open(path) as opened:
                return _eight_bits(image, opened)
        except Exception as error:
            refuse({str(path): f"cannot be decoded ({error})"}, len(paths))

    with ThreadPoolExecutor() as pool:
        images = list(pool.map(decode, paths))
        sizes = {opened.size for opened in images}
        if size is None and len(sizes) > 1:
            several = ", ".join(f"{height}x{width}" for width, height in sorted(sizes)[:_SHOWN])
            raise DataError(
                f"The image files have {len(sizes)} sizes ({several}, ...). Set "
                "image_size=(height, width), to which all are resized."
            )
        if channels is None:
            channels = 1 if all(opened.mode == "L" for opened in images) else 3
        mode = "L" if channels == 1 else "RGB"
        shape = images[0].size if size is None else (size[1], size[0])

        def array(opened: Any) -> NDArray[np.uint8]:
            converted = opened if opened.mode == mode else opened.convert(mode)
            if converted.size != shape:
                converted = converted.resize(shape, image.Resampling.BILINEAR)
            return np.asarray(converted, np.uint8).reshape(shape[1], shape[0], channels)

        return np.stack(list(pool.map(array, images)))


def _eight_bits(image: Any, opened: Any) -> Any:
    """An image of mode L or RGB."""
    if opened.mode.startswith("I"):
        levels = np.asarray(opened, np.float64)
        return image.fromarray((levels / 257).round().clip(0, 255).astype(np.uint8))
    if opened.mode in ("RGBA", "LA", "PA") or "transparency" in opened.info:
        clear = opened.convert("RGBA")
        white = image.new("RGBA", clear.size, "white")
        flat = image.alpha_composite(white, clear)
        return flat.convert("L" if opened.mode == "LA" else "RGB")
    return (
        opened.copy()
        if opened.mode in ("L", "RGB")
        else opened.convert("L" if opened.mode == "1" else "RGB")
    )
