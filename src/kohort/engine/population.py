"""The loop of one program: admit members into slots, run a chunk, harvest those that end.

A runner owns its slots and touches nothing else; members come from a function and outcomes go to
one, so that the same loop serves one fit, a search, or a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kohort.arrays import Device
from kohort.engine.compilers.base import Compiler, Drawn, Judge, Train
from kohort.engine.compilers.current import lent_compiler
from kohort.engine.evaluate import log_names
from kohort.engine.fit import Fit
from kohort.engine.member import PAUSED, TRAINING, Logs, Rows
from kohort.engine.plan import chunk_steps
from kohort.engine.snapshot import Snapshot
from kohort.engine.structure import Structure
from kohort.engine.times import Stopwatch
from kohort.engine.train import empty_rows
from kohort.errors import DataError
from kohort.networks.base import Reading

Source = Callable[[], Fit | None]
Sink = Callable[[Fit], None]


class Runner:
    """Slots of one structure on one device.

    Parameters
    ----------
    structure : Structure
    slots : int
    device : jax.Device
    source : callable
        Gives the next waiting fit, or None.
    sink : callable
        Receives each fit that has ended; `fit.result` is set.
    watch : Stopwatch or None, default=None
        Is told of the time inside programs and of that spent on compiling them.
    resident : bool or None, default=None
        Whether tables stay on the device; None for those of accelerators.
    compiler : Compiler or None, default=None
        Gives the programs; None for the one that the session lends.
    """

    def __init__(
        self,
        structure: Structure,
        slots: int,
        device: Device,
        source: Source,
        sink: Sink,
        watch: Stopwatch | None = None,
        resident: bool | None = None,
        compiler: Compiler | None = None,
    ) -> None:
        self._compiler = (compiler or lent_compiler()).serving(structure, device)
        self._structure, self._slots, self._device = structure, slots, device
        self._source, self._sink = source, sink
        self._dtype: np.dtype[np.floating[Any]] = np.dtype(structure.dtype)
        self._fits: list[Fit | None] = [None] * slots
        self._chunk_steps = chunk_steps(structure)
        self._log_names = log_names(structure)
        self._train: Train | None = None
        self._judges: dict[int, Judge] = {}
        self._packing = self._compiler.packing(structure)
        self._params, self._state = empty_rows(structure, slots, self._packing.size)
        self._feed = self._compiler.feed(structure, slots, device, resident)
        self._tables: dict[int, tuple[Rows, Any]] = {}
        self._watch = watch or Stopwatch()

    def _put(self, array: NDArray[Any]) -> Any:
        return self._compiler.put(array, self._device)

    @property
    def active(self) -> list[tuple[int, Fit]]:
        """Occupied slots and their fits."""
        return [(slot, fit) for slot, fit in enumerate(self._fits) if fit is not None]

    def run(self, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Train until the source is empty and every slot is free, or until cancelled."""
        try:
            self._admit()
            while self._occupied() and not cancelled():
                self._advance()
                self._admit()
        finally:
            for _, fit in self.active:
                fit.release()

    def _occupied(self) -> bool:
        return any(fit is not None for fit in self._fits)

    def _admit(self) -> None:
        """Fill free slots."""
        entering: dict[int, Fit] = {}
        for slot, fit in enumerate(self._fits):
            if fit is None and (arrival := self._source()) is not None:
                entering[slot] = arrival
        if not entering:
            return
        params, state = np.array(self._params), np.array(self._state)
        self._params = self._state = None  # Not twice on the device while they are written.
        layout = self._structure.network.layout
        for slot, fit in entering.items():
            member = fit.member
            initial = self._packing.initial
            if member.resumed is None:
                layout.embed(member.initial_variables(), params[slot])
            else:
                params[slot], initial = member.resumed.params, member.resumed.state
            if state.size:
                state[slot] = initial
            self._feed.enter(slot, fit)
            fit.status = TRAINING
            if fit.saving is not None:
                fit.saving.begin()
            self._fits[slot] = fit
        self._params, self._state = self._put(params), self._put(state)

    def _advance(self) -> None:
        active = self.active
        steps = min(self._feed.most, *(fit.ahead for _, fit in active))
        drawn = self._feed.draw(dict(active), steps)
        active = [(slot, fit) for slot, fit in active if not fit.done]
        self._probe({slot: fit for slot, fit in active if fit.probed}, drawn)
        if self._train is None:
            with self._watch.spent_on("compile"):
                self._train = self._compiler.train(self._structure, self._slots, self._device)
        arguments = (self._params, self._state, drawn)
        with self._watch.spent_on("train"):
            self._params, self._state, losses, results = self._train(*arguments)
            losses, results = np.asarray(losses), np.asarray(results)
        for slot, fit in active:
            fit.advance(losses[slot, :steps], self._chunk_steps)
        due = [(slot, fit) for slot, fit in active if not fit.done and not fit.remaining]
        self._end_epochs(due, results)
        self._harvest()

    def _probe(self, fits: dict[int, Fit], drawn: Drawn) -> None:
        """Let instruments see the first of the steps that were drawn."""
        if not fits:
            return
        first = self._feed.first(drawn)
        layers, whole = self._compiler.probe(
            self._structure, self._device, self._params, self._state, first
        )
        for slot, fit in fits.items():
            assert fit.member.instrument is not None
            fit.member.instrument.take(fit.step, Reading(layers[slot], whole[slot]))

    def _end_epochs(self, due: list[tuple[int, Fit]], results: NDArray[Any]) -> None:
        metrics = self._structure.network.metrics
        logs: dict[int, Logs] = {
            slot: dict(zip(metrics, results[slot].tolist(), strict=True)) for slot, _ in due
        }
        for table in {id(f.member.validation): f.member.validation for _, f in due}.values():
            if table is not None:
                judging = {slot: fit for slot, fit in due if fit.member.validation is table}
                try:
                    for slot, judged in self._evaluate(list(judging), table).items():
                        logs[slot] |= judged
                except DataError as error:
                    for fit in judging.values():
                        fit.error = error
        for slot, fit in due:
            if fit.done:
                continue
            epoch = fit.epoch
            if fit.end_epoch(logs[slot]):
                fit.best_row = self._row(slot)
            self._call_back(slot, fit, epoch)
            fit.pause()
            if fit.saving is not None and fit.saving.due and not fit.done:
                fit.saving.take(self._snapshot(slot, fit))

    def _call_back(self, slot: int, fit: Fit, epoch: int) -> None:
        member = fit.member
        if member.on_epoch is None:
            return
        shapes = member.network.shapes(member.units)
        logs = {name: values[-1] for name, values in fit.history.items()}
        try:
            verdict = member.on_epoch(
                epoch, logs, lambda: member.network.layout.extract(self._row(slot), shapes)
            )
            if verdict.weights is not None:
                self._replace(slot, verdict.weights)
            if verdict.rate is not None:
                fit.set_rate(verdict.rate)
            fit.kept = verdict.kept
            if verdict.stop:
                fit.stop(verdict.early)
        except BaseException as error:  # A callback's error is its own fit's, not the cohort's.
            fit.error = error
            fit.stop()

    def _replace(self, slot: int, weights: list[NDArray[np.floating[Any]]]) -> None:
        params = np.array(self._params)
        self._structure.network.layout.embed(weights, params[slot])
        self._params = self._put(params)

    def _evaluate(self, slots: list[int], table: Rows) -> dict[int, Logs]:
        real = np.asarray(len(table.x), np.int32)
        padded = self._structure.network.padded_rows(len(table.x))
        ids = np.zeros(self._slots, np.int32)
        ids[: len(slots)] = slots
        count = np.asarray(len(slots), np.int32)
        arguments = (
            self._judged(),
            ids,
            count,
            self._table(table, padded),
            real,
            self._feed.numbers,
            self._feed.units,
        )
        if padded not in self._judges:
            with self._watch.spent_on("compile"):
                judge = self._compiler.judge(self._structure, self._slots, self._device, padded)
            self._judges[padded] = judge
        with self._watch.spent_on("train"):
            values = np.asarray(self._judges[padded](*arguments))
        names = self._log_names
        return {slot: dict(zip(names, values[slot].tolist(), strict=True)) for slot in slots}

    def _table(self, table: Rows, padded: int) -> Any:
        """A validation table on the device, padded; kept while the runner lives."""
        known = self._tables.get(id(table))
        if known is not None:
            return known[1]
        weight = np.ones(len(table.x)) if table.weight is None else table.weight
        arrays = []
        x = table.x[:]
        for array, dtype in ((x, x.dtype), (table.y, self._dtype), (weight, self._dtype)):
            wide = np.empty((padded, *array.shape[1:]), dtype)
            wide[: len(array)], wide[len(array) :] = array, array[-1]
            arrays.append(self._put(wide))
        in_use = {id(fit.member.validation) for _, fit in self.active}
        self._tables = {key: kept for key, kept in self._tables.items() if key in in_use}
        self._tables[id(table)] = (table, tuple(arrays))
        return self._tables[id(table)][1]

    def _judged(self) -> Any:
        """The parameters that are validated and kept: averaged over steps where that is asked."""
        count = self._packing.averaged
        if not count:
            return self._params
        params = np.array(self._params)
        params[:, :count] = np.asarray(self._state)[:, -count:]
        return self._put(params)

    def _row(self, slot: int) -> NDArray[np.floating[Any]]:
        return np.array(np.asarray(self._judged())[slot])

    def _snapshot(self, slot: int, fit: Fit) -> Snapshot:
        state = np.asarray(self._state)
        own = state[slot] if state.size else state
        return fit.snapshot(self._structure, np.array(np.asarray(self._params)[slot]), own.copy())

    def _harvest(self) -> None:
        ended = [(slot, fit) for slot, fit in self.active if fit.done]
        for slot, fit in ended:
            paused = self._snapshot(slot, fit) if fit.status == PAUSED else None
            fit.result = fit.outcome(self._row(slot))
            fit.result.snapshot = paused
            fit.best_row = None
            fit.release()
            self._fits[slot] = None
            self._feed.leave(slot)
            self._sink(fit)
