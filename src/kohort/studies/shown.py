"""Study results in a notebook and a console: their sentences and their picture."""

from __future__ import annotations

import base64
import textwrap
from abc import abstractmethod
from html import escape
from io import BytesIO
from typing import Any

from kohort.errors import KohortError
from kohort.style import BOX

_DPI = 90
_WIDTH = 96


class ShownMixin:
    """An answer that says itself in words (`str`) and draws itself (`plot`).

    `repr` gives the words in a few lines; a notebook shows them above the picture, or alone where
    matplotlib is not installed.
    """

    @abstractmethod
    def plot(self) -> Any:
        """A matplotlib figure."""

    def __repr__(self) -> str:
        return textwrap.fill(
            f"{type(self).__name__}: {self}", _WIDTH, subsequent_indent="    ", max_lines=10
        )

    def _repr_html_(self) -> str:
        return (
            f'<div {BOX}><b>{type(self).__name__}</b><p style="max-width: 60em">'
            f"{escape(str(self))}</p>{self._picture()}</div>"
        )

    def _picture(self) -> str:
        try:
            figure = self.plot()
        except KohortError:
            return ""
        from matplotlib import pyplot

        file = BytesIO()
        figure.savefig(file, format="png", dpi=_DPI)
        pyplot.close(figure)  # A notebook would show it once more.
        code = base64.b64encode(file.getvalue()).decode("ascii")
        name = type(self).__name__
        return f'<img alt="{name}" style="max-width: 100%" src="data:image/png;base64,{code}">'
