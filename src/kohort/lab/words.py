"""Sentences in the languages that kohort speaks."""

from __future__ import annotations

from typing import Literal, NamedTuple

from kohort.errors import ParameterError, explain

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")


class Words(NamedTuple):
    """The same words in English and in Korean.

    Examples
    --------
    >>> Words("held", "성립").of("ko")
    '성립'
    """

    en: str
    ko: str

    def of(self, language: Language) -> str:
        """The words in one language."""
        return self.ko if language == "ko" else self.en


NOTHING = Words("", "")


def checked_language(value: str) -> Language:
    """The language that a code names.

    Raises
    ------
    ParameterError
        If it is neither "en" nor "ko".
    """
    for language in LANGUAGES:
        if value == language:
            return language
    raise ParameterError(explain("language", "'en' or 'ko'", value))
