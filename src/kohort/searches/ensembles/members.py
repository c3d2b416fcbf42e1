"""Fitted estimators as members of an ensemble: transformers in front, a predictor behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import joblib
import numpy as np
from sklearn.pipeline import Pipeline

from kohort.arrays import Estimator, Floats, HostArray, TableLike
from kohort.errors import ParameterError, explain
from kohort.estimators.dense.passes import passes_together


@dataclass(frozen=True, eq=False)
class Member:
    """A fitted estimator in two parts.

    Attributes
    ----------
    front : Pipeline or None
        Fitted transformers of a pipeline; one object for all members that have equal ones.
    head : estimator
        The estimator that predicts.
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
) -> Iterator[tuple[int, slice, Floats]]:
    """The predictions of each member: probabilities of classes, or targets.

    Rows pass through equal transformers once. Members that can predict together do so, those of
    equal structure as one cohort in one call for each block of rows.

    Parameters
    ----------
    members : sequence of Member
    X : array, DataFrame, ...
        Rows to predict, in the form that the estimators were fitted on.
    classes : array or None
        Classes whose probabilities are wanted; None for the targets of a regression.

    Yields
    ------
    int, slice, array, shape (row, output)
        Place of a member, some rows, and what it predicts of them.

    Raises
    ------
    ParameterError
        If a member gives no probabilities, or those of something else than classes.
    """
    transformed = {id(f): X if f is None else f.transform(X) for f in fronts_of(members)}
    tables = [transformed[id(member.front)] for member in members]
    joining = [place for place, m in enumerate(members) if getattr(m.head, "joins", False)]
    for place, member in enumerate(members):
        if place not in joining:
            yield place, slice(None), _alone(member.head, tables[place], classes)
    if not joining:
        return
    heads = [members[place].head for place in joining]
    for rows, passes in passes_together(heads, [tables[place] for place in joining]):
        for place, head, own in zip(joining, heads, passes, strict=True):
            found = head.answered(own)
            yield place, rows, found if classes is None else _aligned(found, head, classes)


def _alone(head: Estimator, rows: TableLike, classes: HostArray | None) -> Floats:
    if classes is not None:
        return _probabilities(head, rows, classes)
    found = np.asarray(head.predict(rows), np.float64)
    return found.reshape(len(found), -1)


def _probabilities(head: Estimator, rows: TableLike, classes: HostArray) -> Floats:
    if not hasattr(head, "predict_proba"):
        requirement = "one that predicts probabilities, where an ensemble of classifiers is made"
        raise ParameterError(explain("estimator", requirement, head))
    found = head.predict_proba(rows)
    if isinstance(found, list):
        requirement = "one with a single target, where an ensemble of classifiers is made"
        raise ParameterError(explain("estimator", requirement, head))
    return _aligned(np.asarray(found), head, classes)


def _aligned(found: Floats, head: Estimator, classes: HostArray) -> Floats:
    if len(head.classes_) == len(classes):
        return found
    whole = np.zeros((len(found), len(classes)), found.dtype)  # A fold may lack a class.
    whole[:, np.searchsorted(classes, head.classes_)] = found
    return whole
