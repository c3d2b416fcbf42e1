"""The public API: what is exported, that all of it is documented, and that its examples run."""

import doctest
import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import kohort

_MODULES = sorted(
    name
    for _, name, _ in pkgutil.walk_packages(kohort.__path__, "kohort.")
    if not name.endswith("__main__")
)


def _own(module):
    """Public classes and functions that a module defines itself."""
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(value) or inspect.isfunction(value):
            yield name, value


def _methods(cls):
    """Public methods and properties that kohort itself gives to a class."""
    for base in cls.__mro__:
        if base.__module__.split(".")[0] != "kohort":
            continue
        for name, value in vars(base).items():
            is_callable = inspect.isfunction(value) or isinstance(
                value, classmethod | staticmethod | property
            )
            if not name.startswith("_") and is_callable:
                yield name


def _undocumented(value):
    return not (inspect.getdoc(value) or "").strip()


def test_all_is_exactly_what_can_be_imported():
    public = {
        name
        for name in dir(kohort)
        if not name.startswith("_") and not isinstance(getattr(kohort, name), ModuleType)
    }
    assert public == set(kohort.__all__)


def test_all_is_sorted_and_names_nothing_twice():
    names = list(kohort.__all__)
    assert names == sorted(set(names), key=names.index)
    assert len(names) == len(set(names))


def test_the_version_is_given():
    assert kohort.__version__[0].isdigit()


@pytest.mark.parametrize("name", _MODULES)
def test_modules_classes_and_functions_are_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__
    assert [own for own, value in _own(module) if _undocumented(value)] == []


@pytest.mark.parametrize("name", kohort.__all__)
def test_what_is_public_is_documented_down_to_its_methods(name):
    value = getattr(kohort, name)
    assert not _undocumented(value)
    if inspect.isclass(value):
        missing = {m for m in _methods(value) if _undocumented(inspect.getattr_static(value, m))}
        inherited = {m for m in missing if (inspect.getdoc(getattr(value, m)) or "").strip()}
        assert missing - inherited == set()


@pytest.mark.parametrize("name", ["kohort", *_MODULES])
def test_examples_in_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
