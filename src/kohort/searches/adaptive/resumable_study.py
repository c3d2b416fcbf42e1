"""A study of Optuna's whose trials may pause: samplers learn from them while they do."""

from __future__ import annotations

import copy
from collections.abc import Container

import optuna
from optuna.trial import FrozenTrial, TrialState


class ResumableStudy(optuna.Study):
    """A study that can show trials with scores of rungs as PRUNED ones, though they are RUNNING.

    Optuna's samplers learn nothing from the scores of a trial that runs (and TPE's constant liar
    takes it for a bad one), and a trial that was told as PRUNED cannot go on.

    Attributes
    ----------
    judged : set of int
        Numbers of the trials that run and are shown so.
    """

    judged: set[int]

    def _get_trials(
        self,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
        use_cache: bool = False,
    ) -> list[FrozenTrial]:
        """The trials; it is here that Optuna's samplers ask for them."""
        found = []
        for trial in super()._get_trials(deepcopy, None, use_cache):
            if trial.number in self.judged:
                trial = copy.copy(trial)
                trial.state = TrialState.PRUNED
            if states is None or trial.state in states:
                found.append(trial)
        return found
