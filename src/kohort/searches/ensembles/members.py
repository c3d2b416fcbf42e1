"""Fitted estimators as members of an ensemble: transformers in front, and what predicts behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import joblib
import numpy as np
from sklearn.pipeline import Pipeline

from kohort.arrays import Estimator, Floats, HostArray, TableLike
from kohort.errors import ParameterError, explain


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted estimator in two parts.

    Attributes
    ----------
    front : Pipeline or None
        Fitted transformers of a pipeline; one object for all members that have equal ones.
    head : estimator
        What predicts.
    """

    front: Pipeline | None
    head: Estimator

    @classmethod
    def of(cls, model: Estimator) -> Self:
        """The parts of a fitted estimator."""
        if isinstance(model, Pipeline) and len(model) > 1:
            return cls(model[:-1], model[-1])
        return cls(None, model)


def shared_fronts(members: Iterable[Member]) -> Iterator[Member]:
    """The same members, with one object in place of transformers that are equal."""
    known: dict[str, Pipeline] = {}
    for member in members:
        if member.front is None:
            yield member
        else:
            content = "/".join(_content(step) for _, step in member.front.steps)
            yield replace(member, front=known.setdefault(content, member.front))


def fronts_of(members: Sequence[Member]) -> list[Pipeline | None]:
    """The different fronts of members, in order; None among them where a member has none."""
    return list({id(member.front): member.front for member in members}.values())


def _content(step: Estimator) -> str:
    """A digest of a fitted transformer; those that know a shorter one have a `content_`."""
    return str(getattr(step, "content_", None) or joblib.hash(step))


def outputs_of(
    members: Sequence[Member], X: TableLike, classes: HostArray | None
) -> Iterator[Floats]:
    """What each member predicts: probabilities of classes, or targets; (row, output).

    Rows pass through equal transformers once.

    Parameters
    ----------
    members : sequence of Member
    X : array, DataFrame, ...
        What the estimators were fitted on.
    classes : array or None
        Classes whose probabilities are wanted; None for the targets of a regression.

    Raises
    ------
    ParameterError
        If a member gives no probabilities, or those of something else than classes.
    """
    transformed: dict[int, TableLike] = {}
    for member in members:
        front = member.front
        if front is not None and id(front) not in transformed:
            transformed[id(front)] = front.transform(X)
        rows = X if front is None else transformed[id(front)]
        if classes is None:
            found = np.asarray(member.head.predict(rows), np.float64)
            yield found.reshape(len(found), -1)
        else:
            yield _probabilities(member.head, rows, classes)


def _probabilities(head: Estimator, rows: TableLike, classes: HostArray) -> Floats:
    if not hasattr(head, "predict_proba"):
        requirement = "one that predicts probabilities, where an ensemble of classifiers is made"
        raise ParameterError(explain("estimator", requirement, head))
    found = head.predict_proba(rows)
    if isinstance(found, list):
        requirement = "one with a single target, where an ensemble of classifiers is made"
        raise ParameterError(explain("estimator", requirement, head))
    if len(head.classes_) == len(classes):
        return np.asarray(found)
    whole = np.zeros((len(found), len(classes)), found.dtype)  # A fold may lack a class.
    whole[:, np.searchsorted(classes, head.classes_)] = found
    return whole
