"""Objects that a class, or a list or dict of classes, stands for, each with options of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from kohort.networks.lifted.loss_numbers import settings_of

Options = Mapping[str, Any]
"""Names of parameters, without the route's prefix, to their values."""


def assembled(given: Any, options: Options, make: Callable[[Any, dict[str, Any]], Any]) -> Any:
    """The objects that a list, a dict or one description stands for.

    Parameters
    ----------
    given
        A description that `make` takes, or a list, tuple or dict of them, of any depth.
    options : dict
        `0__name` is an option of the first of a list, `key__name` of a dict's entry, `name` of all.
    make : callable
        `make(description, options)` gives the object.
    """
    if isinstance(given, dict):
        return {
            key: assembled(part, _selected(options, str(key)), make) for key, part in given.items()
        }
    if isinstance(given, list | tuple):
        parts = [assembled(p, _selected(options, str(i)), make) for i, p in enumerate(given)]
        return tuple(parts) if isinstance(given, tuple) else parts
    return make(given, dict(options))


def _selected(options: Options, key: str) -> dict[str, Any]:
    shared = {name: value for name, value in options.items() if "__" not in name}
    return {**shared, **under(options, key)}


def under(options: Options, key: str) -> dict[str, Any]:
    """Options with the prefix `key__`, without it."""
    prefix = f"{key}__"
    return {n.removeprefix(prefix): v for n, v in options.items() if n.startswith(prefix)}


def configured(thing: Any, options: Options, named: Callable[[str], Any] | None = None) -> Any:
    """An object from its name, its class or another object, with options of its own.

    Parameters
    ----------
    thing
        A name, a class, or an object with Keras's `get_config` and `from_config`. Without options
        a name and an object are given back as they are.
    options : dict
        `a__b` is the option `b` of what is given as the option `a`; a class in the place of `a`
        is made an object. A number is an argument of a class by position.
    named : callable, optional
        `named(name)` gives the class of that name.

    Raises
    ------
    TypeError
        If the thing takes no options, or not these.
    """
    if inspect.isclass(thing):
        return called(thing, options)
    if not options:
        return thing
    if isinstance(thing, str) and named is not None:
        return configured(named(thing), options)
    if not (hasattr(thing, "get_config") and hasattr(type(thing), "from_config")):
        names = ", ".join(options)
        raise TypeError(
            f"{thing!r} takes no options, since it is no class; it was given {names}. Give a class."
        )
    known = settings_of(thing)
    return type(thing).from_config({**known, **_filled(thing, options, vars(thing))})


def _filled(thing: object, options: Options, known: Options) -> dict[str, Any]:
    """Options of one object; those that options of their own belong to are made objects."""
    plain = {name: value for name, value in options.items() if "__" not in name}
    for name in {name.partition("__")[0] for name in options if "__" in name}:
        if name not in plain and name not in known:
            whole = next(option for option in options if option.startswith(f"{name}__"))
            raise TypeError(
                f"`{whole}` is an option of `{name}`, which is not given. Give `{name}` too."
            )
        plain.setdefault(name, known.get(name))
    for name, value in plain.items():
        own = under(options, name)
        if own or _makes(value):
            plain[name] = assembled(value, own, _part)
    return plain


def _makes(value: object) -> bool:
    """Whether a value is, or holds, a class that stands for an object of it."""
    if isinstance(value, list | tuple | dict):
        return any(map(_makes, value.values() if isinstance(value, dict) else value))
    return inspect.isclass(value) and value.__module__.partition(".")[0] not in (
        "builtins", "numpy"
    )  # fmt: skip


def _part(value: Any, options: dict[str, Any]) -> Any:
    """One value of an option: a user's class is made an object, anything else stays."""
    return configured(value, options) if options or _makes(value) else value


def called(kind: Callable[..., Any], options: Options) -> Any:
    """Call a class, or a function that makes an object, with options as its arguments."""
    filled = _filled(kind, options, {})
    numbered = sorted((name for name in filled if name.isdigit()), key=int)
    named = {name: value for name, value in filled.items() if name not in numbered}
    return kind(*[filled[name] for name in numbered], **named)
