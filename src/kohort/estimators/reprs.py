"""Lines that a notebook shows below scikit-learn's diagram of a fitted estimator or search."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from kohort.arrays import Estimator, Search
from kohort.style import BOX, COLORS, short

_WIDTH, _HEIGHT, _GAP = 260, 64, 4
_SHOWN = 5
_TABLE = 'style="font: inherit; text-align: right; border-spacing: 1em .1em; margin: .3em -1em 0"'


class RichReprMixin:
    """Adds the fitted attributes to the diagram of a scikit-learn estimator, once it is fitted."""

    @abstractmethod
    def _learned_html(self) -> str:
        """HTML about the fitted attributes; empty before `fit`."""

    @property
    def _repr_html_(self) -> Callable[[], str]:
        diagram = super()._repr_html_  # type: ignore[misc]  # Not there if switched off.
        return lambda: diagram() + self._learned_html()

    def _repr_mimebundle_(self, **options: Any) -> dict[str, str]:
        bundle: dict[str, str] = super()._repr_mimebundle_(**options)  # type: ignore[misc]
        if "text/html" in bundle:
            bundle["text/html"] += self._learned_html()
        return bundle


def training_html(estimator: Estimator) -> str:
    """Status, epochs and learning curve of a fitted estimator; nothing of one that is not.

    Parameters
    ----------
    estimator : estimator
        Its `history_`, `n_epochs_`, `status_` and `best_epoch_` are shown as far as it has them.
    """
    history = getattr(estimator, "history_", None)
    if not history:
        return ""
    logs = {
        name: np.asarray(history[name], float) for name in ("loss", "val_loss") if name in history
    }
    best = getattr(estimator, "best_epoch_", None)
    words = [getattr(estimator, "status_", "").replace("_", " "), f"{estimator.n_epochs_} epochs"]
    if best is not None:
        words.append(f"weights of epoch {best + 1}")
    at = -1 if best is None else best
    words += [f"{name} {log[at]:.4g}" for name, log in logs.items() if len(log)]
    return f"<div {BOX}>{escape(' · '.join(filter(None, words)))}{_curves(logs, best)}</div>"


def _curves(logs: Mapping[str, np.ndarray[Any, Any]], best: int | None) -> str:
    """Learning curves as a small SVG, on a logarithmic axis where they are positive."""
    finite = np.concatenate([log[np.isfinite(log)] for log in logs.values()] or [np.empty(0)])
    epochs = max((len(log) for log in logs.values()), default=0)
    if epochs < 2 or not len(finite):
        return ""
    scale = np.log if finite.min() > 0 else np.asarray
    low, high = (float(scale(end)) for end in (finite.min(), finite.max()))

    def place(epoch: int, value: float) -> str:
        x = _GAP + (_WIDTH - 2 * _GAP) * epoch / (epochs - 1)
        y = (
            _HEIGHT
            - _GAP
            - (_HEIGHT - 2 * _GAP) * (float(scale(value)) - low) / ((high - low) or 1)
        )
        return f"{x:.1f},{y:.1f}"

    parts = []
    for color, (name, log) in zip((COLORS[1], COLORS[0]), logs.items(), strict=False):
        points = " ".join(place(i, value) for i, value in enumerate(log) if np.isfinite(value))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.8">'
            f"<title>{name}</title></polyline>"
        )
        if best is not None and best < len(log) and np.isfinite(log[best]):
            x, y = place(best, log[best]).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{color}"/>')
    legend = " ".join(
        f'<span style="color: {color}">●</span> {name}'
        for color, name in zip((COLORS[1], COLORS[0]), logs, strict=False)
    )
    return (
        f'<br><svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="learning curve">'
        f"{''.join(parts)}</svg><br><small>{legend}</small>"
    )


def leaders_html(search: Search) -> str:
    """The best candidates of a fitted search with one score, as a small table."""
    results = getattr(search, "cv_results_", {})
    if "rank_test_score" not in results:
        return ""
    parameters = results["params"]
    names = [n for n in dict.fromkeys(n for p in parameters for n in p) if _varies(parameters, n)]
    order = np.argsort(results["rank_test_score"], kind="stable")[:_SHOWN]
    lines = [_row("th", ["rank", "score", *names])]
    for row in order:
        score = f"{results['mean_test_score'][row]:.4g} ± {results['std_test_score'][row]:.2g}"
        values = [short(parameters[row].get(name)) for name in names]
        lines.append(_row("td", [str(results["rank_test_score"][row]), score, *values]))
    title = f"{len(order)} of {len(parameters)} candidates; kohort.search_report(search) shows all"
    table = f"<table {_TABLE}>{''.join(lines)}</table>"
    return f"<div {BOX}><small>{title}</small>{table}</div>"


def _varies(parameters: Sequence[Mapping[str, Any]], name: str) -> bool:
    return len({repr(chosen.get(name)) for chosen in parameters}) > 1


def _row(tag: str, cells: Sequence[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"
