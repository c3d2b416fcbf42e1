"""`kohort lab`: claims of the textbooks, each tested by an experiment."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kohort.commands.options import Language
from kohort.errors import ParameterError, explain

if TYPE_CHECKING:
    from kohort.lab import Result
    from kohort.lab.words import Language as Spoken

Names = Annotated[
    list[str] | None, typer.Argument(metavar="CLAIM", help="Claims to test. [default: list them]")
]
All = Annotated[bool, typer.Option("--all", help="Test every claim.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="Try it in seconds; the verdict means nothing.")
]
Seeds = Annotated[int | None, typer.Option(help="Repetitions. [default: 20]")]
Out = Annotated[
    Path | None, typer.Option(help="Folder for the figures as JSON, a picture and a page.")
]


def lab(
    names: Names = None,
    all_claims: All = False,
    quick: Quick = False,
    seeds: Seeds = None,
    out: Out = None,
    language: Language = "en",
) -> None:
    """Test what textbooks claim about training: list the claims, or run some."""
    from kohort.lab.claim import claim_of, claims
    from kohort.lab.words import checked_language

    spoken = checked_language(language)
    if names and all_claims:
        raise ParameterError(explain("--all", "no CLAIM beside it", " ".join(names)))
    chosen = list(claims()) if all_claims else names or []
    for name in chosen:
        claim_of(name)
    if not chosen:
        for claim in claims().values():
            print(f"{claim.number:>2}  {claim.name:<24}{claim.says.of(spoken)}")
        print("\nTest one: kohort lab CLAIM, such as: kohort lab warm-up --quick")
        return
    for name in chosen:
        _run(name, seeds, quick, out, spoken)


def _run(name: str, seeds: int | None, quick: bool, out: Path | None, language: Spoken) -> None:
    """Test one claim, and print the verdict."""
    from kohort.lab.running import run

    start = time.perf_counter()
    result = run(name, seeds=seeds, quick=quick, out=out, language=language)
    _show(result, language)
    print(f"\n{time.perf_counter() - start:.0f} s")
    if out is not None:
        print(f"Figures, picture and page: {out / name}.json, .svg, .md")


def _show(result: Result, language: Spoken) -> None:
    from kohort.lab.page import ANSWERS, QUICK, effect_text, verdict_lines

    print(f"\n{result.claim.number}. {result.claim.says.of(language)}")
    for line in verdict_lines(result, language):
        print(f"   {line}")
    if result.quick:
        print(f"   {QUICK.of(language)}")
    for one in result.answers:
        print(f"\n   {one.part.when.of(language)}")
        for found in one.by_table:
            effect = effect_text(one, found.effect, found.low, found.high)
            print(f"     {found.table:<16}{effect:<40}{ANSWERS[found.answer].of(language)}")
