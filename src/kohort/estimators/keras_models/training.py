"""One Keras model made ready for its data, and trained: in a cohort, or by Keras's own loop."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kohort.cohort.session import current, session
from kohort.deferred import jax, jnp
from kohort.engine.compilers.current import lent_compiler
from kohort.engine.devices import threads_of
from kohort.engine.member import (
    DIVERGED,
    FINISHED,
    STOPPED_BY_CALLBACK,
    STOPPED_EARLY,
    Floats,
    Member,
    Outcome,
    Rows,
    fitting_batch,
)
from kohort.estimators.keras_models.callbacks import ModelState, restored_epoch, stopped_early
from kohort.estimators.keras_models.support import (
    has_own_loss,
    obstacle_of_call,
    obstacle_of_losses,
    obstacle_of_model,
)
from kohort.estimators.preparation import floating_dtype
from kohort.networks.base import State
from kohort.networks.lifted.chaining import Chaining, chained
from kohort.networks.lifted.columns import Columns
from kohort.networks.lifted.functions import UntraceableError
from kohort.networks.lifted.keras_private import layers_of
from kohort.networks.lifted.tracing import Tracing, trace
from kohort.networks.lifted.users_code import of_keras
from kohort.networks.lifted.variables import Variables, value_of
from kohort.recipe.pacing import SteadyPace
from kohort.studies.diagnosis.diagnosis import Diagnosis
from kohort.studies.diagnosis.instruments import Instruments

if TYPE_CHECKING:
    import keras


@dataclass
class Ready:
    """A compiled and built model, ready for the engine.

    Attributes
    ----------
    model : keras.Model
    x, y : Columns
    batch_size : int
    rows : int
        Of the table that batches are taken from; the step is traced for no larger a batch.
    tracing : Tracing or Chaining or None
        None where a cohort cannot take the model.
    obstacle : str
        Why it cannot; "" if it can.
    """

    model: Any
    x: Columns
    y: Columns
    batch_size: int
    rows: int
    tracing: Tracing | Chaining | None = None
    obstacle: str = ""

    @classmethod
    def of(
        cls,
        model: keras.Model,
        x: Columns,
        y: Columns,
        batch_size: int,
        rows: int,
        traced: bool = False,
        probed: bool = False,
    ) -> Ready:
        """Choose the program that trains the model: kernels, for a chain they know, or its trace.

        Parameters
        ----------
        traced : bool
            Whether it must be the trace: kernels give no gradients.
        probed : bool
            Whether it can be probed.
        """
        ready = cls(model, x, y, batch_size, rows)
        ready.obstacle = ready._obstacle()
        chain = None if ready.obstacle or traced else _chained(model, x, y)
        if chain is not None and not probed:
            ready.tracing = chain
            return ready
        ready.obstacle = ready.obstacle or obstacle_of_losses(model, x.symbolic(), y.symbolic())
        if not ready.obstacle:
            ready._trace(probed)
        if chain is not None and isinstance(ready.tracing, Tracing):
            ready.tracing = chain.probed(ready.tracing)
        return ready

    def _trace(self, probed: bool) -> None:
        """Put the model's trace in its place, or why it has none."""
        size = fitting_batch(self.batch_size, self.rows)
        try:
            self.tracing = trace(self.model, self.x, self.y, size, probed, session().traces)
        except UntraceableError as error:
            self.obstacle = str(error)
        except Exception as error:
            self.obstacle = f"its step cannot be traced ({type(error).__name__}: {error})"
        else:
            if (_own_code(self.model) or has_own_loss(self.model)) and _mixes_rows(self):
                self.tracing = None
                self.obstacle = "rows of a batch influence each other in its layers or losses"

    def _obstacle(self) -> str:
        import keras

        backend = keras.backend.backend()
        if backend != "jax":
            return (
                f"Keras runs on the {backend!r} backend. Import kohort before keras, or set "
                'os.environ["KERAS_BACKEND"] = "jax" before the first import of keras'
            )
        return obstacle_of_model(self.model)

    def with_batch_size(self, size: int, probed: bool) -> Ready:
        """The same model, traced for batches of this number of rows."""
        traced = isinstance(self.tracing, Tracing)
        return Ready.of(self.model, self.x, self.y, size, self.rows, traced, probed)

    def as_trace(self) -> Ready:
        """The same model by its trace."""
        if isinstance(self.tracing, Tracing):
            return self
        return Ready.of(self.model, self.x, self.y, self.batch_size, self.rows, traced=True)

    def state(self) -> list[Floats]:
        """The model's variables as a member carries them, with the arrays of its functions."""
        assert self.tracing is not None
        return [*ModelState(self.model).read(), *self.tracing.arrays]


def _chained(model: keras.Model, x: Columns, y: Columns) -> Chaining | None:
    """The model as a chain of the kernels; None where they do not train it."""
    if any(device.platform != "cpu" for device in threads_of(None)):
        return None
    found = chained(model, x, y)
    dtype = str(np.dtype(floating_dtype()))
    return found if found and lent_compiler().knows(found.network.dense, dtype) else None


def _own_code(model: keras.Model) -> bool:
    """Whether a layer, or the model itself, runs code that is not Keras's."""
    return any(not of_keras(layer) for layer in layers_of(model))


def _mixes_rows(ready: Ready) -> bool:
    """Whether a training step depends on rows that weigh nothing; tried once for each structure."""
    tracing = ready.tracing
    assert isinstance(tracing, Tracing)
    network, size = tracing.network, tracing.network.fixed_batch
    if size < 2:
        return False

    def mixes() -> bool:
        generator = np.random.default_rng(0)
        dtype = floating_dtype()
        half = size // 2
        share = np.where(np.arange(size) < half, 1 / half, 0).astype(dtype)
        x = generator.uniform(size=(size, network.features)).astype(dtype)
        other = np.where(share[:, None] > 0, x, 1 + x)
        y = np.zeros((size, ready.y.width), dtype)
        pace = {"learning_rate": dtype.type(0.01), "fresh": dtype.type(1)}
        params = np.zeros(network.layout.size, dtype)
        network.layout.embed(ready.state(), params)
        numbers, units = jnp.asarray(tracing.numbers, dtype), jnp.asarray(tracing.units, np.int32)
        targets, shares = jnp.asarray(y), jnp.asarray(share)

        def trained(x: Any) -> Any:
            state = network.layout.unpack(jnp.asarray(params))
            batch = (x, targets, shares, jnp.int32(half))
            noise = jnp.uint32(0), jnp.int32(0)
            carried, *_ = network.step(state, State(), batch, pace, numbers, units, *noise)
            return carried[: network.carried]

        pairs = zip(*(jax.jit(trained)(each) for each in (x, other)), strict=True)
        return not all(np.allclose(a, b, 1e-4, 1e-6) for a, b in pairs)

    found: bool = session().traces.get_or_build(("mixes rows", network.digest), mixes)
    return found


@dataclass
class Job:
    """The job of one call of `fit`.

    Attributes
    ----------
    rows : Rows
        All rows; shared between members.
    train : array of int or None
        Which of them to train on.
    validation : Rows or None
    epochs, first_epoch : int
    shuffled : bool
    callbacks : list of keras.callbacks.Callback
    options : dict
        Further arguments of Keras's `fit`.
    seed : int
    held : int
        Bytes of tables that the caller keeps.
    parameters : dict
        The fit's parameters, as the cohort's record shows them.
    judge : callable or None
        `judge(member, instruments, outcome)` gives a diagnosis.
    """

    rows: Rows
    train: NDArray[np.intp] | None
    validation: Rows | None
    epochs: int
    first_epoch: int
    shuffled: bool
    callbacks: list[Any]
    options: dict[str, Any]
    seed: int
    held: int
    parameters: dict[str, Any]
    judge: Callable[[Member, Instruments, Outcome], Diagnosis] | None = None

    @property
    def obstacle(self) -> str:
        """Why Keras's own loop must do it; "" if it need not."""
        return obstacle_of_call(self.options, self.callbacks)


_REMEDY = ". Lower the learning rate, clip the gradients (clipnorm=1.0), or scale X and y."


def _ended(job: Job, history: dict[str, list[float]], weights: list[Floats]) -> Outcome:
    """How a training in Keras's own loop has ended."""
    losses = history.get("loss", [])
    last = job.first_epoch + len(losses) - 1
    restored = restored_epoch(job.callbacks)
    outcome = Outcome(weights, history, FINISHED, last if restored is None else restored)
    if not np.isfinite(losses).all():
        bad = job.first_epoch + int(np.argmin(np.isfinite(losses)))
        outcome.status = DIVERGED
        outcome.cause = f"The loss became NaN or infinite in epoch {bad + 1}{_REMEDY}"
        if restored is None:
            outcome.weights = None
    elif last + 1 < job.epochs:
        early = stopped_early(job.callbacks, last)
        outcome.status = STOPPED_EARLY if early else STOPPED_BY_CALLBACK
    return outcome


def member_of(ready: Ready, job: Job, rate: float | None) -> Member:
    """The member that trains a model with a learning rate, or with the optimizer's own schedule."""
    tracing = ready.tracing
    assert tracing is not None
    return Member(
        network=tracing.network,
        numbers=tracing.numbers,
        units=tracing.units,
        batch_size=ready.batch_size,
        epochs=job.epochs,
        pace=SteadyPace(rate),
        initial=ready.state(),
        rows=_shared(job.rows),
        seed=job.seed,
        train=job.train,
        validation=None if job.validation is None else _shared(job.validation),
        remedy=_REMEDY,
        shuffled=job.shuffled,
        first_epoch=job.first_epoch,
    )


def _shared(rows: Rows) -> Rows:
    cohort = current()
    return rows if cohort is None else cohort.rows(rows)


def fit_in_keras(ready: Ready, job: Job) -> Outcome:
    """Keras's own `fit`, on the same rows."""

    def arrays(rows: Rows, chosen: Any = slice(None)) -> tuple[Any, Any, Any]:
        weight = None if rows.weight is None else rows.weight[chosen]
        x, y = (
            jax.tree.map(np.asarray, columns.split(matrix[chosen]))
            for columns, matrix in ((ready.x, rows.x), (ready.y, rows.y))
        )
        return x, y, weight

    x, y, weight = arrays(job.rows, slice(None) if job.train is None else job.train)
    validation = None
    if job.validation is not None:
        *pair, share = arrays(job.validation)
        validation = tuple(pair) if share is None else (*pair, share)
    options = {"verbose": 0, **job.options, "callbacks": job.callbacks}
    with _seeded(job.seed):
        history = ready.model.fit(
            x, y, sample_weight=weight, validation_data=validation, batch_size=ready.batch_size,
            epochs=job.epochs, initial_epoch=job.first_epoch, shuffle=job.shuffled, **options,
        )  # fmt: skip
    logs = {name: list(values) for name, values in history.history.items()}
    return _ended(job, logs, weights_of(ready.model))


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The generators that Keras shuffles with, in a state that follows from the seed."""
    before = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])


def weights_of(model: keras.Model) -> list[Floats]:
    """The variables of a model, optimizer and metrics included, as arrays."""
    return [value_of(variable) for variable in Variables(model).carried]


def optimizer_of(model: keras.Model) -> Any:
    """The optimizer of a model, out of the one that scales its losses if there is one."""
    return getattr(model.optimizer, "inner_optimizer", model.optimizer)


def rate_of(model: keras.Model) -> float | None:
    """The learning rate; None if a schedule of the optimizer computes it."""
    return ModelState(model).rate


def put_rate(model: keras.Model, rate: float | None) -> None:
    """Set the learning rate, unless a schedule of the optimizer computes it."""
    variable = Variables(model).rate
    if variable is not None and rate is not None:
        variable.assign(rate)


def put_weights(model: keras.Model, weights: Sequence[Floats]) -> None:
    """Write them back."""
    ModelState(model).put(weights)
