"""The executor of a Ray cluster: each errand is a task, never an actor."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any, cast

from kohort.engine.executors.cluster import errand
from kohort.engine.executors.cluster.base import (
    Cargo,
    Handle,
    Lost,
    News,
    Over,
    Refused,
    Report,
    Task,
    Terms,
)
from kohort.engine.executors.cluster.executor import ClusterExecutor
from kohort.errors import ClusterError, KohortError, explain
from kohort.recipe.constraints import Interval, Satisfies, check, optional
from kohort.runtime import imported

_COUNTED = 2.0  # Seconds for which a count of machines holds.
_CHANGING = ("KOHORT_CACHE", "XLA_FLAGS")
"""Variables of the environment that an errand takes along, beside JAX's."""
_FIRST_LINE = 160
_ANSWERS = 10.0  # Seconds within which a port answers.


def _task(terms: Terms, parcel: bytes, *cargo: Cargo) -> Iterator[Report]:
    """A task of Ray's, which puts cargo into the place of references to it."""
    yield from errand.run(terms, parcel, cargo)


def _whole_task(terms: Terms, parcel: bytes, *cargo: Cargo) -> list[Report]:
    """The same where Ray cannot stream: all reports at the end, snapshots would be late."""
    return list(errand.run(replace(terms, interval=None), parcel, cargo))


class RayCluster:
    """See `kohort.engine.executors.cluster.base.Cluster`; the parameters are `RayExecutor`'s.

    Ray's own retries are off: Ray would begin a task again from its start, and train once more what
    it has delivered. The engine hands out again what is missing.
    """

    def __init__(
        self,
        address: str | None,
        cpus: int,
        gpus: float | None,
        runtime_env: Mapping[str, Any] | None,
    ) -> None:
        self._ray = _connected(address)
        self._streams = not self._ray.util.client.ray.is_connected()
        self.cores = cpus
        nodes = self._nodes()
        self._gpus = min(1.0, max(n.get("GPU", 0.0) for n in nodes)) if gpus is None else gpus
        self.platform = "gpu" if self._gpus else "cpu"
        self._runtime_env = dict(runtime_env or {})
        self._functions: dict[tuple[tuple[str, str], ...], Any] = {}
        self._counted = 0, 0.0

    def _nodes(self) -> list[dict[str, float]]:
        """The cores and accelerators of each machine of the cluster."""
        return [node["Resources"] for node in self._ray.nodes() if node["Alive"]] or [{}]

    def places(self) -> int:
        """How many errands all machines together can run at once, others' tasks left out."""
        count, when = self._counted
        now = time.monotonic()
        if not when or now - when > _COUNTED:
            count = sum(self._room(node) for node in self._nodes())
            self._counted = count, now
        return count

    def _room(self, node: Mapping[str, float]) -> int:
        wanted = {"CPU": self.cores, "GPU": self._gpus}
        return min(int(node.get(name, 0.0) / amount) for name, amount in wanted.items() if amount)

    def keep(self, cargo: Cargo) -> Handle:
        """Put cargo into the object store, from which each machine takes it once."""
        return self._ray.put(cargo)

    def launch(self, terms: Terms, parcel: bytes, cargo: Sequence[Handle]) -> Task:
        """Run an errand where Ray finds room for it."""
        return self._function().remote(terms, parcel, *cargo)

    def _function(self) -> Any:
        """The task for the environment as it is now."""
        variables = self._variables()
        key = tuple(sorted(variables.items()))
        if key not in self._functions:
            given = self._runtime_env.get("env_vars", {})
            options = {
                "num_cpus": self.cores,
                "num_gpus": self._gpus,
                "max_retries": 0,
                "scheduling_strategy": "SPREAD",
                "runtime_env": {**self._runtime_env, "env_vars": {**variables, **given}},
            }
            if self._streams:
                self._functions[key] = self._ray.remote(num_returns="streaming", **options)(_task)
            else:
                self._functions[key] = self._ray.remote(**options)(_whole_task)
        return self._functions[key]

    def _variables(self) -> dict[str, str]:
        """Variables of the environment that change the result of a fit."""
        chosen = {
            name: value
            for name, value in os.environ.items()
            if name in _CHANGING or name.startswith("JAX_")
        }
        chosen["KERAS_BACKEND"] = "jax"
        jax = imported("jax")
        if jax is not None:
            chosen["JAX_ENABLE_X64"] = str(int(jax.config.jax_enable_x64))
        if not self._gpus:
            chosen["JAX_PLATFORMS"] = "cpu"
        return chosen

    def wait(self, tasks: Collection[Task], seconds: float) -> list[tuple[Task, News]]:
        """News of the errands that have some."""
        if not tasks:
            time.sleep(seconds)
            return []
        waiting = list(tasks)
        ready, _ = self._ray.wait(waiting, num_returns=1, timeout=seconds)
        if ready:
            ready, _ = self._ray.wait(waiting, num_returns=len(waiting), timeout=0)
        return [(task, news) for task in ready for news in self._news(task)]

    def _news(self, task: Task) -> list[News]:
        try:
            if not self._streams:
                return [*self._ray.get(task), Over()]
            return [self._ray.get(next(cast(Iterator[object], task)))]
        except StopIteration:
            return [Over()]
        except self._ray.exceptions.RayError as error:
            return [news_of(self._ray.exceptions, error)]

    def call_off(self, task: Task) -> None:
        """Interrupt an errand."""
        self._ray.cancel(task)


def news_of(known: ModuleType, error: Exception) -> Lost | Over | Refused:
    """The meaning of an error of Ray's for an errand.

    Parameters
    ----------
    known : module
        `ray.exceptions`.
    error : RayError
    """
    first = str(error).strip().partition("\n")[0].partition(". ")[0][:_FIRST_LINE]
    if isinstance(error, known.TaskCancelledError):
        return Over()
    if isinstance(error, known.ObjectLostError):
        return Lost(f"{type(error).__name__}: an object was lost with its machine", cargo=True)
    if isinstance(error, known.RayTaskError):
        cause = getattr(error, "cause", None)
        if isinstance(cause, KohortError):
            return Refused(cause)
        return Refused(ClusterError(f"A machine of the cluster cannot train: {error}"))
    if isinstance(error, known.RuntimeEnvSetupError | known.TaskUnschedulableError):
        return Refused(ClusterError(f"No machine of the cluster can train: {error}"))
    return Lost(f"{type(error).__name__}: {first}")


def _connected(address: str | None) -> Any:
    """Ray, connected to a cluster, which may be one of this machine's own."""
    try:
        ray = import_module("ray")
    except ImportError as error:
        raise ClusterError(
            'RayExecutor needs Ray, which is not installed. Run: pip install "kohort[ray]"'
        ) from error
    if ray.is_initialized():
        return ray
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    local = address == "local" or (address is None and "RAY_ADDRESS" not in os.environ)
    options = {"include_dashboard": False} if local else {}
    try:
        _refuse_silence(address)
        with _termination_kept():
            ray.init(address, logging_level="warning", log_to_driver=False, **options)
    except (OSError, ValueError, RuntimeError, AssertionError, ray.exceptions.RayError) as error:
        requirement = "the address of a Ray cluster that runs"
        remedy = "Start one with `ray start --head`, or leave the address out to use this machine."
        reason = str(error).strip().partition("\n")[0]
        sentence = explain("address", requirement, address, remedy)
        raise ClusterError(f"{sentence} ({reason})") from error
    return ray


def _refuse_silence(address: str | None) -> None:
    """Raise OSError where nothing answers at a host's port: Ray would wait for minutes."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWERS).close()


@contextmanager
def _termination_kept() -> Iterator[None]:
    """Let SIGTERM do what it did before: Ray makes it abort the process."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


class RayExecutor(ClusterExecutor):
    """Trains the fits of a cohort on a Ray cluster: `kohort.together(executor=RayExecutor())`.

    Fits travel as Ray tasks in small groups; a task takes its share of the waiting fits, a smaller
    one near the end. Each machine gets a table once. The result of a fit is delivered as soon as
    the fit ends: if a machine dies, other machines train the fits that it had not ended. Machines
    that join the cluster are used. A fit with callbacks, with rows that stay in files, or with a
    network that cannot be pickled trains in this process.

    Parameters
    ----------
    address : str or None, default=None
        `"auto"` or `"HOST:PORT"` for a cluster that this machine is part of, `"ray://HOST:10001"`
        for another, `"local"` for a new one of this machine alone. None for a cluster that runs
        here or that the variable `RAY_ADDRESS` names, and a new one if there is none. A connection
        that this process has already is used whatever the address.
    cpus : int, default=1
        Cores of one task, >= 1.
    gpus : float or None, default=None
        Accelerators of one task, >= 0. None for 1 if a machine has any, and 0 otherwise.
    max_retries : int, default=3
        How often the process that trains a fit, and no other, may die before the fit fails, >= 0.
    runtime_env : dict or None, default=None
        Ray's runtime environment of each task, such as `{"pip": ["kohort"]}`.

    Raises
    ------
    ParameterError
        If a parameter is out of range.
    ClusterError
        If Ray is not installed, or no cluster answers.

    See Also
    --------
    together : Trains the fits of a `with` block as one cohort; takes the executor.

    Notes
    -----
    Results are those of one machine: the kernels' to the last bit, XLA's to rounding. Where a
    machine rounds differently, because it lacks the instruction set of this machine's kernels, a
    line says so, and no store keeps the fits that it trained.

    References
    ----------
    P. Moritz et al., "Ray: A Distributed Framework for Emerging AI Applications", OSDI 2018.

    Examples
    --------
    >>> import kohort
    >>> from sklearn.model_selection import GridSearchCV
    >>> model = kohort.DenseRegressor(epochs=5)
    >>> search = GridSearchCV(model, {"learning_rate": [1e-3, 1e-2]})
    >>> with kohort.together(executor=kohort.RayExecutor()):  # doctest: +SKIP
    ...     search.fit(X, y)
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        cpus: int = 1,
        gpus: float | None = None,
        max_retries: int = 3,
        runtime_env: Mapping[str, Any] | None = None,
    ) -> None:
        check("address", address, optional(_IS_TEXT))
        check("cpus", cpus, Interval(1, float("inf"), whole=True))
        check("gpus", gpus, optional(Interval(0, float("inf"))))
        check("max_retries", max_retries, Interval(0, float("inf"), whole=True))
        check("runtime_env", runtime_env, optional(_IS_MAPPING))
        super().__init__(RayCluster(address, cpus, gpus, runtime_env), max_retries=max_retries)


_IS_TEXT = Satisfies(lambda value: isinstance(value, str), "a text")
_IS_MAPPING = Satisfies(lambda value: isinstance(value, Mapping), "a mapping")
