"""Ctrl-C and SIGTERM on the command line: one line, a conventional exit code, nothing left."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pandas as pd
import pytest

from kohort.report.run_folder import MARK

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def _environment(**more):
    return dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)), **more)


def _told(text, *arguments):
    """Exit code of a script, and what it told."""
    command = [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), timeout=200)
    assert done.stdout == ""
    return done.returncode, done.stderr


_IMPORTING = """
    import os, signal, sys
    name, number, *arguments = sys.argv[1:]

    class Interrupting:
        def find_spec(self, found, *others):
            if found == name:
                sys.meta_path.remove(self)
                os.kill(os.getpid(), int(number))

    sys.meta_path.insert(0, Interrupting())
    sys.argv = ["kohort", *arguments]
    from kohort_command import main
    main()
"""


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("kohort", signal.SIGINT),
        ("joblib", signal.SIGTERM),
        ("typer", signal.SIGINT),
        pytest.param("pandas", signal.SIGINT, marks=pytest.mark.rest),
        pytest.param("sklearn", signal.SIGTERM, marks=pytest.mark.rest),
    ],
)
def test_an_interrupted_import_is_one_line(tmp_path, name, number):
    (tmp_path / "t.csv").write_text("a,y\n1,2\n2,3\n3,4\n")
    arguments = ["fit", tmp_path / "t.csv", "--target", "y", "--out", tmp_path / "run"]
    told = _told(_IMPORTING, name, int(number), *arguments)
    assert told == (CODES[number], "Interrupted: nothing was written.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


_FINALISER = """
    import os, signal, time
    from kohort_command import interruption

    class Dying:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)

    with interruption:
        Dying()  # What is raised in there is dropped.
        time.sleep(100)
"""


def test_an_interruption_that_python_drops_comes_again():
    assert _told(_FINALISER) == (143, "Interrupted: nothing was written.\n")


_TWICE = """
    import os, signal, time
    from kohort_command import interruption
    with interruption:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(100)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(100)
"""


def test_a_second_interruption_ends_at_once():
    assert _told(_TWICE) == (130, "")


_WELL = """
    import signal
    from contextlib import suppress
    from kohort_command import interruption
    before = signal.getsignal(signal.SIGINT)
    with interruption, suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
"""


def test_what_ctrl_c_ends_as_it_should_ends_well():
    assert _told(_WELL) == (0, "")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "t.csv"
    values = np.random.default_rng(0).normal(size=(60, 2))
    pd.DataFrame(values, columns=["a", "y"]).to_csv(path, index=False)
    return path


def _until(condition, process):
    deadline = time.monotonic() + 200
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _trains(folder):
    return any('"history"' in path.read_text() for path in folder.glob(".run.kohort-*/*.jsonl"))


@pytest.mark.rest
@pytest.mark.parametrize(("number", "earlier"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_an_interrupted_search_leaves_what_was_there(table, tmp_path, number, earlier):
    run, temporary = tmp_path / "run", tmp_path / "temporary"
    temporary.mkdir()
    if earlier:
        run.mkdir()
        (run / MARK).write_text('{"files": []}')
    endless = ["--set", "epochs=1000000", "--set", "early_stopping=false"]
    arguments = ["search", table, "--target", "y", "--trials", "1", "--cv", "2", *endless]
    arguments += ["--out", run, "--overwrite"]
    command = [sys.executable, "-m", "kohort_command", *map(str, arguments)]
    environment = _environment(TMPDIR=str(temporary))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        _until(lambda: _trains(tmp_path), process)
        assert any(temporary.glob(".kohort-folds*"))
        process.send_signal(number)
        told = process.communicate()[1].splitlines()
    assert process.returncode == CODES[number]
    words = ", where the earlier run is as it was" if earlier else ""
    assert told[-1] == f"Interrupted: nothing was written to {str(run)!r}{words}."
    assert "Traceback" not in "".join(told)
    assert list(temporary.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "temporary"][not earlier :]
    assert not earlier or [path.name for path in run.iterdir()] == [MARK]


@pytest.mark.rest
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_watching_ends_with_ctrl_c(tmp_path, number, code):
    command = [sys.executable, "-m", "kohort_command", "watch", str(tmp_path / "run")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    ) as process:
        assert process.stdout.readline().startswith("Open http://127.0.0.1:")
        process.send_signal(number)
        told = process.communicate()[1]
    assert process.returncode == code
    assert told == ("Interrupted: nothing was written.\n" if code else "")
