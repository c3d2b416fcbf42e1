"""Pages: a claim's result in Markdown, in English or Korean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kohort.lab.part import Answers
from kohort.lab.result import Result
from kohort.lab.tables import TABLES
from kohort.lab.verdict import HELD_WHEN
from kohort.lab.words import Language, Words

_VERDICT = Words("Verdict", "판정")
_DESIGN = Words("How it was tested", "실험 방법")
_RULE = Words("Rule", "판정 규칙")
_FIGURES = Words("Figures", "수치")
_HEAD = Words(
    "| comparison | data | effect [95 % interval] | holds |",
    "| 비교 | 데이터 | 효과 [95 % 구간] | 성립 |",
)
ANSWERS = {
    "yes": Words("yes", "예"),
    "no": Words("no", "아니요"),
    "open": Words("open", "미정"),
    "mixed": Words("differs", "데이터마다 다름"),
}
"""Answers in words."""
_ALL = Words("all", "전체")
_DATA = Words("Data", "데이터")
_PAPERS = Words("References", "참고 문헌")
_EVERYWHERE = Words("on all data", "모든 데이터에서")
_SOMEWHERE = Words("on some data only", "일부 데이터에서만")
_NOWHERE = Words("on none", "어느 데이터에서도 아님")
_SIGN = Words(
    "Each line compares two sides, `first : second`; a negative effect supports the claim. *All* is the mean over tables, with "
    "an interval over tables (Student's t), which is wide for few.",
    "각 줄은 두 쪽을 `앞 : 뒤`로 비교하며, 음수가 주장을 뒷받침합니다. *전체*는 데이터에 걸친 평균이고, 구간은 데이터에 대한 것(스튜던트 t)이라 "
    "데이터가 적으면 넓습니다.",
)
_RULE_TEXT = Words(
    "A comparison that asks for a gain holds on a table if the 95 % interval over seeds (Student's t, paired) lies below 0"
    "{margins}; one that asks for no harm holds if the interval lies below the margin. The claim is *held* if every "
    "comparison holds on every table, *not held* if none that asks for a gain holds anywhere, *not decided* if none does and "
    "an interval is too wide to say, and *held when* otherwise. The rule stands in the experiment's file and was fixed before the "
    "run. Seeds draw splits of the same rows, so intervals speak of these rows; they are not corrected for the number of "
    "comparisons, of which one in twenty or so may hold by chance.",
    "이득을 묻는 비교는 시드에 대한 95 % 구간(대응표본 스튜던트 t)이 0보다 작으면 그 데이터에서 성립하고{margins}, 손해가 없는지 묻는 비교는 "
    "구간이 허용 폭보다 작으면 성립합니다. 모든 비교가 모든 데이터에서 성립하면 *성립*, 이득을 묻는 비교가 어디에서도 성립하지 않으면 "
    "*성립하지 않음*, 그런 비교가 없고 구간이 너무 넓어 말할 수 없으면 *판정 보류*, 그 밖에는 *조건부 성립*입니다. 규칙은 실험 파일에 적혀 "
    "있으며 실행 전에 정했습니다. 시드는 같은 행을 다르게 나눌 뿐이므로 구간은 이 행들에 대한 것이고, 비교의 수에 대해서는 보정하지 않아 "
    "스무 개에 하나쯤은 우연히 성립할 수 있습니다.",
)
_MARGIN = Words(
    " and the mean is at least as far from 0 as the smallest effect that matters (by comparison {margins})",
    " 평균이 의미 있는 최소 크기 이상이어야 하며(비교에 따라 {margins})",
)
QUICK = Words(
    "A trial run: its verdict means nothing.", "시험 실행입니다. 판정에는 의미가 없습니다."
)
"""The warning on a quick run."""
_DIVERGED = Words("{count} of {all} trainings diverged; each counts as the constant prediction.",
                  "학습 {all}건 가운데 {count}건이 발산했으며, 발산한 학습은 상수 예측으로 셉니다.")  # fmt: skip
_COUNTS = Words(
    "{all} of {parts} on all data, {some} on some",
    "{parts}개 중 {all}개는 모든 데이터에서, {some}개는 일부에서",
)
_MADE = Words(
    "`kohort lab {name}`: {seeds} seeds, {seconds:.0f} s on {processor}; kohort {version}, commit {commit}.",
    "`kohort lab {name}`: 시드 {seeds}개, {processor}에서 {seconds:.0f}초; kohort {version}, 커밋 {commit}.",
)


def verdict_lines(result: Result, language: Language) -> list[str]:
    """The verdict, and under "held when" which comparisons hold on which data.

    Returns
    -------
    list of str
        A word, and up to three lines such as "on all data: the rate is large".
    """
    found, parts = result.verdict, result.claim.parts
    word = found.word.of(language)
    if found.word != HELD_WHEN:
        return [word]
    held = {*found.when, *found.sometimes}
    nowhere = tuple(k for k in range(len(parts)) if k not in held)
    places = ((_EVERYWHERE, found.when), (_SOMEWHERE, found.sometimes), (_NOWHERE, nowhere))
    return [
        word,
        *(
            f"{where.of(language)}: {'; '.join(parts[k].when.of(language) for k in some)}"
            for where, some in places
            if some
        ),
    ]


def _verdict(result: Result, language: Language) -> str:
    """`verdict_lines` as Markdown."""
    word, *places = verdict_lines(result, language)
    listed = "\n".join(["", "", *(f"- {place}" for place in places)]) if places else ""
    return f"**{_VERDICT.of(language)}: {word}**{listed}"


def block(
    result: Result, language: Language, picture: str, level: int = 2, remark: bool = False
) -> str:
    """The result as Markdown without a title: verdict, picture, design, figures.

    Parameters
    ----------
    result : Result
    language : "en" or "ko"
    picture : str
        Where the picture is, seen from the page.
    level : int, default=2
        Of the headings, 1 being that of a title.
    remark : bool, default=False
        Whether to add what the claim's author says of the published result.
    """
    claim, heading = result.claim, "#" * level
    used = {answer.table for one in result.answers for answer in one.by_table}
    data = [f"- {t.name}: {t.words.of(language)}" for t in TABLES if t.name in used]
    sections = [
        f"> {claim.says.of(language)}",
        _verdict(result, language),
        *([f"**{QUICK.of(language)}**"] if result.quick else []),
        *([claim.remark.of(language)] if remark and claim.remark.en else []),
        f"![{claim.title.of(language)}]({picture})",
        f"{heading} {_DESIGN.of(language)}",
        claim.design.of(language),
        *(["\n".join([f"{_DATA.of(language)}:", "", *data])] if data else []),
        _rule(result, language),
        f"{heading} {_FIGURES.of(language)}",
        _SIGN.of(language),
        figures(result.answers, language),
        *_diverged(result, language),
        _MADE.of(language).format(
            name=claim.name, seeds=result.seeds, seconds=result.seconds,
            processor=result.made["processor"], version=result.made["kohort"],
            commit=result.made["commit"][:9] or "-",
        ),
        f"{_PAPERS.of(language)}: {'; '.join(claim.papers)}.",
    ]  # fmt: skip
    return "\n\n".join(sections) + "\n"


def page(result: Result, language: Language, picture: str, remark: bool = False) -> str:
    """`block` below the claim's title."""
    body = block(result, language, picture, remark=remark)
    return f"# {result.claim.title.of(language)}\n\n{body}"


def figures(answers: Sequence[Answers], language: Language) -> str:
    """A Markdown table of every comparison: its effect on each table and over all."""
    lines = [_HEAD.of(language), "|---|---|---|---|"]
    for one in answers:
        name = f"{one.part.when.of(language)} (`{one.part.side} : {one.part.against}`)"
        for found in one.by_table:
            effect = effect_text(one, found.effect, found.low, found.high)
            lines.append(
                f"| {name} | {found.table} | {effect} | {ANSWERS[found.answer].of(language)} |"
            )
            name = ""
        if len(one.by_table) > 1:
            effect = effect_text(one, one.effect, one.low, one.high)
            answer = ANSWERS[one.answer].of(language)
            lines.append(f"| | **{_ALL.of(language)}** | {effect} | **{answer}** |")
    return "\n".join(lines)


def effect_text(answers: Answers, effect: float, low: float, high: float) -> str:
    """An effect and its interval.

    Ratios are in percent, and factors where they are above ten; differences are in the measure's
    unit.
    """
    if answers.part.by == "ratio" and abs(effect) > np.log(10):
        effect, low, high = (float(np.exp(value)) for value in (effect, low, high))
        return f"x{effect:.2g} [{low:.2g}, {high:.2g}]"
    if answers.part.by == "ratio":
        effect, low, high = (100 * float(np.expm1(value)) for value in (effect, low, high))
        return f"{effect:+.1f} % [{low:+.1f}, {high:+.1f}]"
    return f"{effect:+.3g} [{low:+.3g}, {high:+.3g}]"


def _rule(result: Result, language: Language) -> str:
    parts = {(one.part.by, one.part.margin) for one in result.answers if one.part.margin}
    text = ", ".join(_margin(by, margin) for by, margin in sorted(parts))
    told = _MARGIN.of(language).format(margins=text) if parts else ""
    return f"{_RULE.of(language)}: {_RULE_TEXT.of(language).format(margins=told)}"


def _margin(by: str, margin: float) -> str:
    """A margin of ratios as a share or a factor, of differences in the measure's unit."""
    if by == "difference":
        return f"{margin:g}"
    return f"{100 * margin:g} %" if margin < 1 else f"x{1 + margin:g}"


def _diverged(result: Result, language: Language) -> list[str]:
    values = [outcome.value for outcome in result.outcomes if outcome.measure == "diverged"]
    if not any(values):
        return []
    return [_DIVERGED.of(language).format(count=int(sum(values)), all=len(values))]


def index(results: Sequence[Result], language: Language, links: Mapping[str, str]) -> str:
    """A Markdown table of all verdicts: how many comparisons hold, links and commands.

    Parameters
    ----------
    results : sequence of Result
    language : "en" or "ko"
    links : mapping of str to str
        Where the page of each claim is.
    """
    head = Words(
        "| | claim | verdict | comparisons that hold | command |",
        "| | 주장 | 판정 | 성립한 비교 | 명령 |",
    ).of(language)
    lines = [head, "|---|---|---|---|---|"]
    for result in results:
        claim, found = result.claim, result.verdict
        told = _COUNTS.of(language).format(
            all=len(found.when), some=len(found.sometimes), parts=len(claim.parts)
        )
        lines.append(
            f"| {claim.number} | [{claim.says.of(language)}]({links[claim.name]}) "
            f"| **{found.word.of(language)}** | {told} | `kohort lab {claim.name}` |"
        )
    return "\n".join(lines)
