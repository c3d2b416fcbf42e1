"""Search in Korean: words by the pairs of syllables that stand next to each other.

Korean hangs particles on its nouns, so whole words are seldom equal: 학습률을 (the learning rate,
as an object) is to be found by 학습률. Both are cut into pairs, 학습 습률 률을 and 학습 습률, and a
page is found that has all pairs of the query. Words in Latin letters stay whole.
"""

from __future__ import annotations

import re
from typing import ClassVar

from sphinx.search import SearchLanguage

_WORD = re.compile(r"[가-힣]+|[^\W가-힣]+")

_IN_BROWSER = """
function splitQuery(query) {
  const words = query.match(/[가-힣]+|[\\p{Letter}\\p{Number}_]+/gu) || [];
  return words.flatMap((word) =>
    /^[가-힣]{3,}$/.test(word)
      ? Array.from({length: word.length - 1}, (_, i) => word.slice(i, i + 2))
      : [word]);
}
"""


def pairs(text: str) -> list[str]:
    """Words of a text; of a Korean word its pairs of neighbouring syllables."""
    found = []
    for word in _WORD.findall(text):
        is_long = len(word) > 2 and "가" <= word[0] <= "힣"
        found += [word[i : i + 2] for i in range(len(word) - 1)] if is_long else [word]
    return found


class SearchKorean(SearchLanguage):
    """Korean for Sphinx's search: Python splits the pages' words, JavaScript the query's."""

    lang = "ko"
    language_name = "Korean"
    js_splitter_code = _IN_BROWSER
    stopwords: ClassVar[frozenset[str]] = frozenset()

    def split(self, input: str) -> list[str]:  # noqa: A002 (Sphinx's name)
        """Words of the index."""
        return pairs(input)

    def stem(self, word: str) -> str:
        """Words as they are, in lower case."""
        return word.lower()

    def word_filter(self, word: str) -> bool:
        """Every word counts."""
        return bool(word)
