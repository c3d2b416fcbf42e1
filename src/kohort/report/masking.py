"""Addresses as they may be shown: without passwords, tokens and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote, unquote_plus

HIDDEN = "***"

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_IPV6 = re.compile(r"^\[[0-9A-Fa-f:.%]*\]")
_WITHIN_TEXT = re.compile(_URL.pattern + r"[^\s'\"<>]+")
_NAMED = re.compile(
    r"(?i)((?:pass\w*|pwd|token|secret|\w*key|auth\w*|sig\w*)\s*[=:]\s*)[^\s&;,'\"]+"
)
# Parameters of a query that are no secrets; any other may be one.
_HARMLESS = frozenset(
    "application_name cache charset connect_timeout driver mode sslmode timeout uri".split()
)
# Passwords that are none: the user's name is the token.
_NO_PASSWORD = ("", "x-oauth-basic", "x-token-auth")
_SHORTEST = 3  # Shorter parts of a password are found in any text.


def masked(address: str) -> str:
    """An address, or an argument that ends in one, as it may be shown.

    A password ends at the last `@`, even where it holds `/`, `?`, `#` or `@`, which ought to have
    been escaped. Where there is no password, all before the `@` is taken for a token. Of a query,
    only what is known to be harmless is shown.

    Examples
    --------
    >>> masked("postgresql://ada:secret@host/database")
    'postgresql://ada:***@host/database'
    >>> masked("mlflow:https://ada:p@ss/word@host/path?token=abc&timeout=3")
    'mlflow:https://ada:***@host/path?token=***&timeout=3'
    >>> masked("no address")
    'no address'
    """
    found = _URL.search(address)
    if found is None:
        return _NAMED.sub(rf"\1{HIDDEN}", address)
    start, rest = address[: found.end()], address[found.end() :]
    user, rest = _split_user(rest)
    name, colon, password = user.partition(":")
    if user:
        named = colon and unquote(password) not in _NO_PASSWORD
        start += f"{name}:{HIDDEN}@" if named else f"{HIDDEN}@"
    place, query, fragment = _split_rest(rest)
    shown = start + _NAMED.sub(rf"\1{HIDDEN}", place)
    return (
        shown + (f"?{_masked_query(query)}" if query else "") + (f"#{HIDDEN}" if fragment else "")
    )


def masked_text(text: str, *addresses: str) -> str:
    """A text, such as a message of another library's, without the secrets of any address in it.

    Parameters
    ----------
    text : str
    *addresses : str
        Their secrets are hidden wherever they stand, in parts too: a library that takes an address
        apart in another way shows them out of their place.
    """
    for address in addresses:
        text = text.replace(address, masked(address))
        for secret in sorted(set(_secrets(address)), key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
    return _NAMED.sub(rf"\1{HIDDEN}", _WITHIN_TEXT.sub(lambda url: masked(url[0]), text))


def _split_user(rest: str) -> tuple[str, str]:
    """User and password of what follows `://`, and what follows their `@`."""
    netloc = re.split(r"[/?#]", rest, maxsplit=1)[0]
    # After a colon stands a port, or a password that goes on beyond what ought to end it.
    whole = rest if ":" in _IPV6.sub("", netloc) else rest.partition("?")[0]
    end = whole.rfind("@")
    return (rest[:end], rest[end + 1 :]) if end >= 0 else ("", rest)


def _split_rest(rest: str) -> tuple[str, str, str]:
    """Host and path, query, fragment of what follows user and password."""
    before, _, fragment = rest.partition("#")
    place, _, query = before.partition("?")
    return place, query, fragment


def _masked_query(query: str) -> str:
    shown = []
    for part in re.split(r"([&;])", query):
        name, equals, _ = part.partition("=")
        if part in ("", "&", ";") or name.lower() in _HARMLESS:
            shown.append(part)
        else:
            shown.append(f"{name}={HIDDEN}" if equals else HIDDEN)
    return "".join(shown)


def _secrets(address: str) -> Iterator[str]:
    """Secret parts of an address: passwords, tokens, values of its query; also in pieces."""
    found = _URL.search(address)
    if found is None:
        return
    user, rest = _split_user(address[found.end() :])
    name, _, password = user.partition(":")
    whole = [password if unquote(password) not in _NO_PASSWORD else name]
    _, query, fragment = _split_rest(rest)
    for part in re.split(r"[&;]", query):
        key, _, value = part.partition("=")
        if key.lower() not in _HARMLESS:
            whole.append(value or key)
    for secret in [*whole, fragment]:
        for form in (secret, unquote(secret), unquote_plus(secret)):
            yield from (s for s in (form, *re.split(r"[@/:?#]", form)) if len(s) >= _SHORTEST)
