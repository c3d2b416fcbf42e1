"""How fast and how good: pages made from `benchmarks/results`."""

from __future__ import annotations

import json
import re

from docs.site.pages import TOP

RESULTS = TOP / "benchmarks" / "results"
_TITLE = "How fast and how good"
_INTRO = {
    "en": """
Every figure comes from a file in `benchmarks/results`, with the commit and the machine that it was
measured on; `python -m benchmarks NAME` measures it again. Both sides of a comparison run in one
command, each in a fresh process. Machines are shared and noisy: quote the ratios. *Wanted* is the
goal that was set before, and stays where it is missed. How good the answers are is on a
[page of its own](../quality.md).
""",
    "ko": """
모든 수치는 `benchmarks/results`의 파일에서 옵니다. 파일에는 측정한 커밋과 컴퓨터가
적혀 있고, `python -m benchmarks NAME`으로 다시 측정할 수 있습니다. 비교하는 양쪽은 한
명령 안에서 각각 새 프로세스로 실행합니다. 공유 장비라 잡음이 있으므로 비율을 보세요.
*목표*는 처음에 세운 값이며, 미치지 못한 곳에도 그대로 둡니다. 답이 얼마나 좋은지는
[따로 쓴 페이지](../quality.md)에 있습니다.
""",
}
_WORDS = {
    "en": {
        "fast": "How many times as fast",
        "line": "**{ratio:.1f} times** as fast as {peer}",
        "wanted": " (wanted: {goal})",
        "every": "All measurements",
        "on": "Measured on",
    },
    "ko": {
        "fast": "몇 배 빠른가",
        "line": "{peer}보다 **{ratio:.1f}배** 빠릅니다",
        "wanted": " (목표: {goal})",
        "every": "모든 측정",
        "on": "측정한 곳:",
    },
}
_OWN_HISTORY = {"paired"}  # Ratios to older versions say nothing to who compares with others.
_TITLES = {"en": _TITLE, "ko": "얼마나 빠르고 얼마나 좋은가"}


def pages(language: str) -> dict[str, str]:
    """`results/index.md` and a page for each file of results, by their place in the tree."""
    read = {
        file.stem: json.loads(file.read_text("utf-8")) for file in sorted(RESULTS.glob("*.json"))
    }
    made = {
        f"results/{name}.md": _page(name, result, language)
        for name, result in read.items()
        if "title" in result
    }
    return made | {"results/index.md": _index(read, language)}


def _page(name: str, result: dict, language: str) -> str:
    text = (RESULTS / f"{name}.md").read_text("utf-8")
    body = re.sub(r"\A#+ .*\n", "", text).replace("\n####", "\n##").replace("\n###", "\n##")
    machine = result["machine"]
    versions = ", ".join(f"{package} {version}" for package, version in machine["versions"].items())
    head = (
        f"{_WORDS[language]['on']} {machine['cpu']}, {machine['cores']} cores, {machine['date']}, "
    )
    return f"# {result['title']}\n\n{head}commit `{machine['commit']}`, {versions}.\n{body}"


def _index(read: dict[str, dict], language: str) -> str:
    words = _WORDS[language]
    lines = [f"# {_TITLES[language]}", _INTRO[language], f"## {words['fast']}\n"]
    for name, result in read.items():
        ratios = {} if name in _OWN_HISTORY else result.get("ratios", {})
        if ratios:
            lines.append(f"[{result['title']}]({name}.md)\n")
        for peer, ratio in ratios.items():
            goal = result.get("wanted", {}).get(peer)
            told = words["wanted"].format(goal=goal) if goal not in (None, "none") else ""
            lines.append(f"- {words['line'].format(ratio=ratio, peer=peer)}{told}")
        lines += [""] if ratios else []
    titled = {name: result for name, result in read.items() if "title" in result}
    lines.append(f"## {words['every']}\n")
    lines += [f"- [{result['title']}]({name}.md)" for name, result in titled.items()]
    return "\n".join([*lines, "", ":::{toctree}", ":hidden:", "", *titled, ":::", ""])
