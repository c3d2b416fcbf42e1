"""The measurements of one fit: layers over training, losses, data; as values and as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.deferred import pd
from kohort.networks.reading import LAYER, WHOLE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Setting:
    """How a fit was set up, as far as a diagnosis asks.

    Attributes
    ----------
    layers : tuple of str
        Names of the layers, in order.
    activations : tuple of str
        Activation of each; "linear" for none.
    fans : tuple of (float, float)
        Fan in and fan out of each kernel; NaN where a layer has none.
    sizes : tuple of int
        Number of weights of each kernel; 0 where a layer has none.
    tabular, scales_inputs : bool
        Whether rows are vectors of numbers; whether the network itself scales them first.
    loss : str
        Name of the loss; "" if it is no one of kohort's names.
    classes : int
        Number of classes; 0 in regression.
    rows, batch_size, epochs, steps_per_epoch : int
        Training rows; what was planned.
    optimizer : str
    learning_rate : float
        NaN where a schedule of the optimizer's own sets it.
    schedule : str
        Name of the schedule; "" if it is not known.
    warmup : float
    clipping : tuple of (str, float)
        Limit of each kind of clipping that is set.
    batch_norm, early_stopping, penalised : bool
        Whether there is any batch normalisation, any early stopping, any L1 or L2 penalty.
    dropout : float
    baseline : float
        Loss of the best constant prediction; NaN where it is not known.
    names : tuple of (str, str)
        Which parameter of the estimator is meant by a parameter of the dense estimators.
    status : str
        How training ended.
    best_epoch : int
    validation_baseline : float
        The same as `baseline`, of the validation rows; 0 without such rows.
    validation_rows : int
    """

    layers: tuple[str, ...]
    activations: tuple[str, ...]
    fans: tuple[tuple[float, float], ...]
    sizes: tuple[int, ...]
    tabular: bool
    scales_inputs: bool
    loss: str
    classes: int
    rows: int
    batch_size: int
    epochs: int
    steps_per_epoch: int
    optimizer: str
    learning_rate: float
    schedule: str
    warmup: float
    clipping: tuple[tuple[str, float], ...]
    batch_norm: bool
    early_stopping: bool
    penalised: bool
    dropout: float
    baseline: float
    names: tuple[tuple[str, str], ...]
    status: str
    best_epoch: int
    validation_baseline: float = 0.0
    validation_rows: int = 0


@dataclass(frozen=True, eq=False)
class Measurements:
    """The measurements of one fit.

    Attributes
    ----------
    setting : Setting
    steps : array of int, shape (probe,)
        Steps that were probed, counted from the start of the training.
    layers : array, shape (probe, layer, number)
        In the order of `kohort.networks.reading.LAYER`.
    whole : array, shape (probe, number)
        In the order of `kohort.networks.reading.WHOLE`.
    losses : array, shape (step,)
        Loss of every step's batch.
    history : dict of arrays, shape (epoch,)
    inputs : array, shape (2, feature)
        Mean and deviation of each input as the network gets it, over the rows given to `fit`.
    targets : array, shape (2, target)
        The same of the targets; empty for classes.
    shares : array, shape (class,)
        Share of each class among the training rows; empty in regression.
    recalls : array, shape (class,)
        Share of each class that the trained network recognises; empty where it was not asked.
    """

    setting: Setting
    steps: NDArray[np.int64]
    layers: Array
    whole: Array
    losses: Array
    history: dict[str, Array]
    inputs: Array
    targets: Array
    shares: Array
    recalls: Array

    def of_layers(self, name: str) -> Array:
        """One number of all layers, shape (probe, layer)."""
        return self.layers[:, :, LAYER.index(name)]

    def of_steps(self, name: str) -> Array:
        """One number of the whole step, shape (probe,)."""
        return self.whole[:, WHOLE.index(name)]

    @property
    def kernels(self) -> list[int]:
        """Numbers of the layers that have a kernel."""
        return [n for n, fans in enumerate(self.setting.fans) if not np.isnan(fans[0])]

    @property
    def updates(self) -> Array:
        """Update-to-weight ratio: norm of a kernel's change over its norm, (probe, layer)."""
        weight = self.of_layers("weight")
        return self.of_layers("update") / np.where(weight > 0, weight, np.nan)

    def table(self) -> pd.DataFrame:
        """A row per probe and layer."""
        count = len(self.setting.layers)
        flat = self.layers.reshape(-1, len(LAYER))
        frame = pd.DataFrame(flat, columns=list(LAYER))
        frame.insert(0, "layer", list(self.setting.layers) * len(self.steps))
        epochs = self.steps // self.setting.steps_per_epoch
        frame.insert(0, "epoch", np.repeat(epochs, count))
        frame.insert(0, "step", np.repeat(self.steps, count))
        frame["update_ratio"] = self.updates.reshape(-1)
        return frame.drop(columns=["update"])

    def training(self) -> pd.DataFrame:
        """A row per probe: the batch's loss, the gradient's norm, the share left by clipping."""
        frame = pd.DataFrame(self.whole, columns=list(WHOLE))
        frame.insert(0, "step", self.steps)
        return frame


_ARRAYS = ("steps", "layers", "whole", "losses", "inputs", "targets", "shares", "recalls")


def packed(measurements: Measurements) -> dict[str, NDArray[Any]]:
    """Measurements as plain arrays, for a file."""
    setting = {f.name: getattr(measurements.setting, f.name) for f in fields(Setting)}
    arrays: dict[str, NDArray[Any]] = {n: getattr(measurements, n) for n in _ARRAYS}
    arrays |= {f"history_{name}": values for name, values in measurements.history.items()}
    return {**arrays, "setting": np.array(json.dumps(setting))}


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> Measurements:
    """Inverse of `packed`."""
    setting = json.loads(str(arrays["setting"]))
    setting = {name: _tuples(value) for name, value in setting.items()}
    history = {
        name.removeprefix("history_"): values
        for name, values in arrays.items()
        if name.startswith("history_")
    }
    parts = {name: arrays[name] for name in _ARRAYS}
    return Measurements(Setting(**setting), history=history, **parts)


def _tuples(value: object) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
