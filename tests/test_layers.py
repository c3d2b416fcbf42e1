"""Imports point one way; files and functions stay short."""

import ast
import graphlib
from pathlib import Path

import pytest

import kohort

_ROOT = Path(kohort.__file__).parent
# A module imports only from rooms at or before its own.
_ROOMS = [
    {"_version", "arrays", "deferred", "errors", "memo", "runtime", "scratch", "style"},
    {"recipe"},
    {"networks"},
    {"engine"},
    {"data"},
    {"cohort"},
    {"studies"},
    {"estimators"},
    {"searches"},
    {"report"},
    {"lab"},
    {"commands"},
]
_RANK = {name: rank for rank, names in enumerate(_ROOMS) for name in names}
_MODULES = sorted(_ROOT.rglob("*.py"))
_MOST_LINES = 400
_MOST_FUNCTION_LINES = 60


def _room(parts):
    return Path(parts[0]).stem


def _imported(tree, package):
    """Dotted names of kohort's modules that a tree imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *filter(None, [node.module])])
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".") for name in names if name.split(".")[0] == "kohort")


def _identity(path):
    return str(path.relative_to(_ROOT))


def test_every_room_has_a_place_in_the_order():
    rooms = {_room(path.relative_to(_ROOT).parts) for path in _MODULES} - {"__init__"}
    assert rooms <= _RANK.keys()


@pytest.mark.parametrize("path", [p for p in _MODULES if p != _ROOT / "__init__.py"], ids=_identity)
def test_imports_point_one_way(path):
    relative = path.relative_to(_ROOT)
    room = _room(relative.parts)
    package = ("kohort", *relative.parts[:-1])
    for name in _imported(ast.parse(path.read_text("utf-8")), package):
        assert len(name) > 1, f"{relative} imports the package itself"
        assert name[1] in _RANK, f"{relative} imports {'.'.join(name)} from the package itself"
        assert _RANK[name[1]] <= _RANK[room], f"{relative} imports {'.'.join(name)}"


@pytest.mark.parametrize(
    "path", [p for p in _MODULES if p.parent.is_relative_to(_ROOT / "engine")], ids=_identity
)
def test_the_engine_knows_networks_by_their_protocol_alone(path):
    tree, relative = ast.parse(path.read_text("utf-8")), path.relative_to(_ROOT)
    found = _imported(tree, ("kohort", *relative.parts[:-1]))
    others = {".".join(name[1:3]) for name in found if name[1] == "networks"} - {"networks.base"}
    assert not others, f"{relative} imports {others}"


def _private(tree):
    """Private names that a tree reads of anything but `self` and `cls`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
            of = node.value
            if not (isinstance(of, ast.Name) and of.id in ("self", "cls")):
                yield node.attr
        if isinstance(node, ast.Constant) and str(node.value).startswith("_"):
            yield node.value


_KERAS_PRIVATE = _ROOT / "networks" / "lifted" / "keras_private.py"
_NAMES_OF_KERAS = {
    name
    for name in _private(ast.parse(_KERAS_PRIVATE.read_text("utf-8")))
    if not name.startswith("__")
}


@pytest.mark.parametrize("path", [p for p in _MODULES if p != _KERAS_PRIVATE], ids=_identity)
def test_private_names_of_keras_stand_in_one_file(path):
    assert "_flatten_layers" in _NAMES_OF_KERAS
    found = _NAMES_OF_KERAS.intersection(_private(ast.parse(path.read_text("utf-8"))))
    assert not found, f"use kohort.networks.lifted.keras_private in place of {found}"


def test_problems_of_images_answer_for_themselves():
    """Ask a problem, its parameters or its model; compare no task with that of images."""
    compared = [
        f"{_identity(path)}:{node.lineno}"
        for path in _MODULES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Compare) and "IMAGES" in ast.unparse(node)
    ]
    assert compared == []


def test_imports_inside_functions_and_relative_ones_are_seen():
    source = "def f():\n    from kohort.commands import app\n    from ..engine import plan\n"
    found = list(_imported(ast.parse(source), ("kohort", "recipe")))
    assert found == [["kohort", "commands", "app"], ["kohort", "engine", "plan"]]


@pytest.mark.parametrize("path", _MODULES, ids=_identity)
def test_files_and_functions_are_short(path):
    source = path.read_text("utf-8")
    assert len(source.splitlines()) < _MOST_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = node.end_lineno - node.lineno + 1
            assert lines < _MOST_FUNCTION_LINES, f"{node.name} has {lines} lines"


def test_no_imports_go_in_a_circle():
    names = {_module(path): path for path in _MODULES}
    needs = {name: set(_needed(name, ast.parse(path.read_text("utf-8")), names))
             for name, path in names.items()}  # fmt: skip
    tuple(graphlib.TopologicalSorter(needs).static_order())  # Raises CycleError, which names it.


def _module(path):
    return ".".join(("kohort", *path.relative_to(_ROOT).with_suffix("").parts)).removesuffix(
        ".__init__"
    )


def _needed(name, tree, names):
    """Modules that a module imports, those inside functions included, types alone left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kohort"):
            found = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from ((found & names.keys()) or {node.module}) - {name, "kohort"}
        yield from _needed(name, node, names)


_MOST_ANY = 107


def test_parameters_typed_any_become_no_more():
    """Name what a parameter takes (`arrays.py` has names); `object` is true of anything at all."""
    found = [
        f"{_identity(path)}:{parameter.lineno} {parameter.arg}"
        for path in _MODULES
        for parameter in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(parameter, ast.arg)
        and isinstance(parameter.annotation, ast.Name)
        and parameter.annotation.id == "Any"
    ]
    assert len(found) <= _MOST_ANY, found
