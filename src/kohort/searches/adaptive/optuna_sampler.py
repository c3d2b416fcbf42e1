"""Candidates of Optuna's samplers, which learn from the scores of rungs."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from sklearn.utils import check_random_state

from kohort.arrays import RandomStateLike, SamplerLike, SpaceLike, StorageLike
from kohort.errors import KohortError
from kohort.searches.adaptive.distributions import dimension

_PART = "part of the space"


class OptunaSampler:
    """Asks a study of Optuna's for candidates, and tells it their scores.

    A candidate that was pruned, or whose score is not a number, ends in the state PRUNED with the
    scores of its rungs; all others are COMPLETE. One that is paused counts as a pruned one.

    Parameters
    ----------
    space : dict or list of dict
        As `RandomizedSearchCV` takes it.
    sampler : "tpe" or optuna.samplers.BaseSampler
        `"tpe"` is `TPESampler(multivariate=False, constant_liar=True)`. A sampler is copied.
    random_state : int, RandomState instance or None
        Fixes `"tpe"` and what Optuna has no distribution for.
    storage : str, optuna.storages.BaseStorage or None
    study_name : str or None
        Of a study that may exist; what its trials have found is made use of.

    Attributes
    ----------
    study : optuna.Study
    """

    def __init__(
        self,
        space: SpaceLike,
        sampler: SamplerLike,
        random_state: RandomStateLike,
        storage: StorageLike = None,
        study_name: str | None = None,
    ) -> None:
        _require_optuna()
        self._random = check_random_state(random_state)
        parts = space if isinstance(space, list | tuple) else [space]
        self._parts = [{n: dimension(n, part[n]) for n in sorted(part)} for part in parts]
        seed = int(self._random.randint(2**31 - 1))
        self.study = _study(sampler, seed, storage, study_name)
        self._trials: list[Any] = []

    def ask(self) -> dict[str, Any] | None:
        """Parameters of the next candidate.

        Of several parts all are asked for, so that the space is always the same, and one is taken.
        """
        with _quiet():
            trial = self.study.ask(self._distributions)
        self._trials.append(trial)
        number = trial.params.get(_PART, 0)
        found = {}
        for name, each in self._parts[number].items():
            if each.drawn is None:
                found[name] = each.value(trial.params[self._name(name, number)])
            else:
                found[name] = each.drawn.rvs(random_state=self._random)
                trial.set_user_attr(name, repr(found[name]))
        return found

    @property
    def _distributions(self) -> dict[str, Any]:
        found = {
            self._name(name, number): each.distribution
            for number, part in enumerate(self._parts)
            for name, each in part.items()
            if each.drawn is None
        }
        if len(self._parts) > 1:
            found[_PART] = dimension(_PART, range(len(self._parts))).distribution
        return found

    def _name(self, name: str, part: int) -> str:
        """A parameter's name in the study; parts may give it different distributions."""
        return name if len(self._parts) == 1 else f"{name} ({part})"

    def report(self, number: int, epochs: int, score: float) -> None:
        """Take in the score of a candidate after `epochs` epochs; greater is better."""
        trial = self._trials[number]
        trial.report(score, epochs)
        self.study.show(trial.number)

    def end(self, number: int, score: float, pruned: bool) -> None:
        """Take in that a candidate has ended, or was pruned, with this score."""
        from optuna.trial import TrialState

        trial = self._trials[number]
        with _quiet():
            if pruned:
                self.study.tell(trial, state=TrialState.PRUNED)
            else:
                self.study.tell(trial, score)
        self.study.show_as_told(trial.number)


def _require_optuna() -> None:
    if find_spec("optuna") is None:
        raise KohortError(
            "Samplers of Optuna's need the package optuna, which is not installed. Run: "
            'pip install "kohort[optuna]", or set sampler="random".'
        )


def _study(sampler: SamplerLike, seed: int, storage: StorageLike, name: str | None) -> Any:
    import optuna

    from kohort.searches.adaptive.resumable_study import ResumableStudy

    storage = optuna.storages.InMemoryStorage() if storage is None else storage
    with _quiet():
        if isinstance(sampler, str):
            sampler = optuna.samplers.TPESampler(multivariate=False, constant_liar=True, seed=seed)
        made = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            load_if_exists=name is not None,
        )
        return ResumableStudy(
            made.study_name, storage, copy.deepcopy(sampler), optuna.pruners.NopPruner()
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Optuna's lines about each study, and its warnings that options are experimental."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.WARNING))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
