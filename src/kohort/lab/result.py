"""Results: what a claim's experiment gave, with all that is needed to judge it again."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from kohort._version import VERSION
from kohort.errors import DataError, shown
from kohort.lab.claim import Claim, claim_of
from kohort.lab.outcomes import Outcomes
from kohort.lab.part import Answers, answered
from kohort.lab.verdict import Verdict, verdict


@dataclass(frozen=True)
class Result:
    """The result of a claim's experiment.

    Attributes
    ----------
    claim : Claim
    seeds : int
    quick : bool
        Whether it was a trial run, whose verdict means nothing.
    seconds : float
        How long it took.
    made : dict of str
        Versions, commit and processor.
    outcomes : Outcomes

    Examples
    --------
    >>> from kohort import lab
    >>> result = lab.run("warm-up", quick=True)
    >>> result.claim.name, result.seeds
    ('warm-up', 2)
    """

    claim: Claim
    seeds: int
    quick: bool
    seconds: float
    made: dict[str, str]
    outcomes: Outcomes

    @cached_property
    def answers(self) -> list[Answers]:
        """The answers of each part's rule."""
        return [answered(part, self.outcomes) for part in self.claim.parts]

    @property
    def verdict(self) -> Verdict:
        """The claim's verdict by its rule."""
        return verdict(self.answers)

    def to_json(self) -> str:
        """All of it as JSON; `read_result` reads it."""
        fields: dict[str, object] = {
            "claim": self.claim.name,
            "verdict": self.verdict.word.en,
            "seeds": self.seeds,
            "quick": self.quick,
            "seconds": round(self.seconds, 1),
            "made": self.made,
            "answers": [
                {
                    "when": one.part.when.en,
                    "effect": one.effect,
                    "interval": [one.low, one.high],
                    "tables": [found._asdict() for found in one.by_table],
                }
                for one in self.answers
            ],
        }
        text = json.dumps(_rounded(fields), indent=1, ensure_ascii=False, allow_nan=True)
        columns = ",\n".join(
            f'  "{name}": {json.dumps(values)}' for name, values in self.outcomes.columns().items()
        )
        return f'{text[:-2]},\n "outcomes": {{\n{columns}\n }}\n}}\n'


def read_result(path: Path) -> Result:
    """The result that a file of `Result.to_json` holds.

    Parameters
    ----------
    path : path

    Returns
    -------
    Result

    Raises
    ------
    DataError
        If the file is no such result.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from kohort import lab
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = lab.run("warm-up", quick=True, out=folder)
    ...     read = lab.read_result(Path(folder) / "warm-up.json")
    >>> read.claim is written.claim
    True
    """
    try:
        found = json.loads(path.read_text("utf-8"))
        return Result(
            claim_of(found["claim"]), found["seeds"], found["quick"], found["seconds"],
            found["made"], Outcomes.of_columns(found["outcomes"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{shown(path)} is no result of `kohort lab`. Run the claim again."
        ) from error


def made_here() -> dict[str, str]:
    """Versions, commit and processor, on which a result depends beside its experiment."""
    packages = {name: version(name) for name in ("numpy", "scikit-learn", "jax", "keras")}
    return {
        "kohort": VERSION,
        "commit": _commit(),
        "python": platform.python_version(),
        **packages,
        "processor": f"{_processor()}, {os.cpu_count()} cores",
    }


def _commit() -> str:
    """The commit of a checkout of kohort that is being run, "+changes" if it was changed; or ""."""
    if _git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return ""
    changed = _git("status", "--porcelain", "--untracked-files=no", ".")
    return f"{_git('rev-parse', 'HEAD') or ''}{'+changes' if changed else ''}"


def _git(*arguments: str) -> str | None:
    """Output of a Git command in this file's folder; None if it fails or there is no Git."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return None if found.returncode else found.stdout.strip()


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    if known.is_file():
        for line in known.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _rounded(value: object) -> object:
    """The same with numbers of six digits."""
    match value:
        case float():
            return float(f"{value:.6g}")
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
        case list() | tuple():
            return [_rounded(one) for one in value]
    return value
