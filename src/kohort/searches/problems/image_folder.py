"""A folder of images with a sub-folder per class: the problem, and the model of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np

from kohort.data.csv_files import CsvFormat
from kohort.data.folders import common_form, files_within, labelled_files
from kohort.data.images import headers, refuse_faults
from kohort.data.tasks import IMAGES
from kohort.deferred import pd
from kohort.estimators.conv import ConvClassifier
from kohort.searches.problems.image_settings import PATIENCE, ImageParameters
from kohort.searches.problems.model_description import (
    load_pickle,
    read_description,
    write_description,
)
from kohort.searches.problems.problem import Problem

_ESTIMATOR, _KERAS = "estimator.joblib", "model.keras"
_TARGET = "class"
_DEFAULTS = {"epochs": 30, "validation_split": 0.1, "learning_rate": 0.003}
_PATIENCE = 5


def image_problem(folder: str | Path, settings: Mapping[str, Any], seed: int) -> Problem:
    """The class of each image of a folder, to be predicted from its pixels.

    The headers of all files are read at once, so that what is no image is named before anything
    trains.

    Parameters
    ----------
    folder : path
        With a sub-folder per class.
    settings : mapping
        Of `ConvClassifier`; `image_size` and `channels` are those that the files have in common
        where they are not given, and at most 32 x 32.
    seed : int
        Fixes the order of the images, of which each fit validates on the last tenth.

    Raises
    ------
    DataError
        If the folder has another form, or files in it are no images.
    """
    paths, labels = labelled_files(folder)
    found = headers(paths)
    good = np.array([not header.fault for header in found])
    if settings.get("bad_images") != "skip" or not good.any():
        refuse_faults(paths, found, "Mend them, or leave them out: --set bad_images=skip.")
    order = np.random.default_rng(seed).permutation(np.flatnonzero(good))
    size, channels = common_form([found[number] for number in order])
    fixed = {
        "image_size": list(settings.get("image_size") or size),
        "channels": settings.get("channels") or channels,
        "bad_images": settings.get("bad_images", "raise"),
    }
    X = np.asarray([paths[number] for number in order], object)
    classes, left_out = len(set(labels)), int((~good).sum())
    height, width = fixed["image_size"]
    form = f"{height}x{width} {'grey' if fixed['channels'] == 1 else 'RGB'}"
    more = f"; left out, since they are no images: {left_out}" if left_out else ""
    line = f"Data: {len(order)} images of {classes} classes, read as {form}{more}"
    return Problem(
        X, labels[order], IMAGES, image_network, ImageModel, ImageParameters(), noun="images",
        fixed=fixed, about={"classes": classes, **fixed, "left_out": left_out}, lines=(line,),
        trials=20, folds=3, averages=False,
    )  # fmt: skip


def image_network(
    settings: Mapping[str, Any], seed: int | None = None, memory: joblib.Memory | None = None
) -> ConvClassifier:
    """A `ConvClassifier` that stops early, on a tenth of its images unless told otherwise."""
    chosen = {**_DEFAULTS, **settings}
    if chosen["validation_split"]:
        import keras

        chosen |= {
            "callbacks": keras.callbacks.EarlyStopping,
            PATIENCE: settings.get(PATIENCE, _PATIENCE),
            "callbacks__restore_best_weights": True,
        }
    return ConvClassifier(**chosen, random_state=seed)


@dataclass(frozen=True)
class ImageModel:
    """A fitted network for images.

    Attributes
    ----------
    estimator : ConvClassifier
    """

    estimator: ConvClassifier
    target: str = _TARGET
    task: str = IMAGES

    def predictions(
        self, paths: Sequence[Path], proba: bool = False, form: CsvFormat | None = None
    ) -> pd.DataFrame:
        """Class or probabilities of image files, and of those inside of folders.

        Returns
        -------
        DataFrame
            Columns: image (its path) and class, or one for each class.

        Raises
        ------
        DataError
            If a file is no image.
        """
        files = files_within(paths)
        refuse_faults(files, headers(files), "Mend them, or leave them out.")
        names = pd.DataFrame({"image": [str(file) for file in files]})
        if not proba:
            return names.assign(**{self.target: self.estimator.predict(files)})
        columns = [str(label) for label in self.estimator.classes_]
        probabilities = pd.DataFrame(self.estimator.predict_proba(files), columns=columns)
        return pd.concat([names, probabilities], axis=1)

    def save(self, folder: str | Path) -> None:
        """Write the model into an existing folder.

        `model.keras` holds the network for Keras (its input is pixels from 0 to 255),
        `estimator.joblib` the estimator, and `model.json` the classes and the size of the images.
        """
        folder = Path(folder)
        self.estimator.model_.save(folder / _KERAS)
        joblib.dump(self.estimator, folder / _ESTIMATOR)
        size = {name: getattr(self.estimator, name) for name in ("image_size", "channels")}
        classes = np.asarray(self.estimator.classes_)
        write_description(folder, self.task, self.target, classes, **size)

    @classmethod
    def load(cls, folder: str | Path, trusted: bool = False) -> ImageModel:
        """Read a model that `save` wrote.

        Parameters
        ----------
        folder : str or path
        trusted : bool, default=False
            Whether you know who wrote it: the estimator is a pickle, which may run any program.

        Raises
        ------
        DataError
            If the folder is not trusted, or does not hold a model that this version can read.
        """
        content = read_description(folder, ("target", "task"), (_ESTIMATOR,))
        return cls(load_pickle(folder, _ESTIMATOR, trusted), **content)
