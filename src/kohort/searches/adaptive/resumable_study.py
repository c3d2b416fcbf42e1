"""A study of Optuna's whose trials may pause: samplers learn from them while they do."""

from __future__ import annotations

import copy
from collections.abc import Container

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from kohort.arrays import SamplerLike, StorageLike


class ResumableStudy(optuna.Study):
    """A study that can show trials with scores of rungs as PRUNED ones, though they are RUNNING.

    Optuna's samplers learn nothing from the scores of a trial that runs (and TPE's constant liar
    takes it for a bad one), and a trial that was told as PRUNED cannot go on.
    """

    def __init__(
        self, name: str, storage: StorageLike, sampler: SamplerLike, pruner: BasePruner
    ) -> None:
        super().__init__(name, storage, sampler, pruner)
        self._shown: dict[int, FrozenTrial | None] = {}

    def show(self, number: int) -> None:
        """Show a trial that runs, with the scores that it has by now, as a pruned one."""
        self._shown[number] = None

    def show_as_told(self, number: int) -> None:
        """Show a trial as it is again."""
        self._shown.pop(number, None)

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        """The trials; it is here that Optuna's samplers ask for them, for each parameter anew."""
        trials = super()._get_trials(deepcopy, None, use_cache)
        found = [self._as_shown(trial) for trial in trials]
        return [trial for trial in found if states is None or trial.state in states]

    def _as_shown(self, trial: FrozenTrial) -> FrozenTrial:
        if trial.number not in self._shown:
            return trial
        shown = self._shown[trial.number]
        if shown is None:
            self._shown[trial.number] = shown = copy.copy(trial)
            shown.state = TrialState.PRUNED
        return shown
