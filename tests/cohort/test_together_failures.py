"""Errors, divergence and interruptions inside `kohort.together()`: no hang, nothing left behind."""

import _thread
import signal
import subprocess
import sys
import threading
import time
import warnings

import joblib
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import make_regression
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

import kohort
from kohort.cohort.session import current

pytestmark = [
    pytest.mark.timeout(120),
    # One bad candidate is one warning of scikit-learn's about its scores, which is not our subject.
    pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite"),
]

X, Y = make_regression(60, 4, noise=5.0, random_state=0)
RATES = [1e-3, 1e-2, 1e-1]


def regressor(**changes):
    own = {"depth": 1, "width": 8, "epochs": 3, "early_stopping": False, "random_state": 0}
    return kohort.DenseRegressor(**{**own, **changes})


def search(rates=RATES, **options):
    model = options.pop("model", None) or regressor()
    return GridSearchCV(model, {"learning_rate": rates}, **{"cv": 3, "refit": False, **options})


def kohort_threads():
    return [
        thread
        for thread in threading.enumerate()
        if thread.name.startswith("kohort") or thread.name.endswith("(_work)")
    ]


@pytest.fixture(autouse=True)
def nothing_left():
    """Every test leaves no thread, no open cohort and the same warning filters behind."""
    filters = list(warnings.filters)
    yield
    deadline = time.monotonic() + 60
    while kohort_threads() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert kohort_threads() == []
    assert current() is None
    assert warnings.filters == filters
    assert np.isfinite(search().fit(X, Y).cv_results_["mean_test_score"]).all()


class Breaks(TransformerMixin, BaseEstimator):
    """Raises an error on its n-th fit."""

    def __init__(self, error, count=5):
        self.error = error
        self.count = count

    def fit(self, X, y=None):
        calls.append(None)
        if len(calls) == self.count:
            raise self.error
        return self

    def transform(self, X):
        return X


calls = []


def breaking(error, **options):
    calls.clear()
    model = make_pipeline(Breaks(error), regressor())
    space = {"denseregressor__learning_rate": RATES}
    return GridSearchCV(model, space, cv=3, refit=False, **options)


class TestErrors:
    def test_a_bad_parameter_scores_nan(self):
        with kohort.together() as cohort, pytest.warns(FitFailedWarning, match="learning_rate"):
            result = search([1e-3, -1.0, 1e-2]).fit(X, Y).cv_results_["mean_test_score"]
        assert np.isnan(result).tolist() == [False, True, False]
        assert cohort.census().ended == 6

    def test_a_bad_parameter_raises(self):
        with kohort.together(), pytest.raises(kohort.ParameterError, match="learning_rate"):
            search([1e-3, -1.0, 1e-2], error_score="raise").fit(X, Y)

    def test_the_block_goes_on_after_an_error(self):
        with kohort.together():
            with pytest.raises(kohort.ParameterError):
                search([1e-3, -1.0], error_score="raise").fit(X, Y)
            assert np.isfinite(search().fit(X, Y).cv_results_["mean_test_score"]).all()

    def test_a_transformer_that_fails_once(self):
        with kohort.together(), pytest.warns(FitFailedWarning, match="1 fits failed"):
            result = breaking(ValueError("broken")).fit(X, Y).cv_results_
        assert np.isnan(result["split1_test_score"]).tolist() == [False, True, False]

    @pytest.mark.parametrize("error", [ValueError("broken"), KeyboardInterrupt(), SystemExit(3)])
    @pytest.mark.parametrize("jobs", [None, 2])
    def test_a_transformer_whose_error_is_raised(self, error, jobs):
        with kohort.together(), pytest.raises(type(error)):
            breaking(error, error_score="raise", n_jobs=jobs).fit(X, Y)

    def test_an_error_in_a_nested_search(self):
        inner = breaking(ValueError("broken"), error_score="raise")
        with kohort.together(), pytest.raises(ValueError, match="broken"):
            cross_validate(inner, X, Y, cv=3, error_score="raise", scoring=lambda *_: 0.0, n_jobs=2)

    def test_an_error_while_others_wait_for_nested_tasks(self):
        def outer(number):
            if number == 2:
                regressor().fit(X, Y)
                raise ValueError("broken")
            parallel = joblib.Parallel()
            return parallel(joblib.delayed(slow)(number) for number in range(3))

        def slow(number):
            regressor(epochs=100_000, random_state=number).fit(X, Y)

        with kohort.together(), pytest.raises(ValueError, match="broken"):
            joblib.Parallel()(joblib.delayed(outer)(number) for number in range(4))

    def test_an_error_of_the_iterator(self):
        def endless():
            yield joblib.delayed(abs)(1)
            raise ValueError("no more")

        with kohort.together(), pytest.raises(ValueError, match="no more"):
            joblib.Parallel()(endless())

    def test_an_error_in_joblibs_callback(self, monkeypatch):
        def broken(self):
            raise OSError("standard output is closed")

        with kohort.together():
            monkeypatch.setattr(joblib.Parallel, "print_progress", broken)
            with pytest.raises(OSError, match="standard output"):
                joblib.Parallel()(joblib.delayed(abs)(number) for number in range(3))
            monkeypatch.undo()

    def test_a_system_without_threads(self, monkeypatch):
        begin = threading.Thread.start

        def start(thread):
            tasks = [one for one in threading.enumerate() if one.name == "kohort-task"]
            if thread.name == "kohort-task" and len(tasks) >= most:
                raise RuntimeError("can't start new thread")
            begin(thread)

        monkeypatch.setattr(threading.Thread, "start", start)
        most = 2
        with kohort.together():
            found = search(n_jobs=2).fit(X, Y).cv_results_["mean_test_score"]
        assert np.isfinite(found).all()
        most = 0
        with kohort.together(), pytest.raises(RuntimeError, match="new thread"):
            search(n_jobs=2).fit(X, Y)
        most = 1000


class TestDivergence:
    def test_members_that_diverge_score_nan(self):
        model = regressor(optimizer="sgd", epochs=5)
        with kohort.together() as cohort, pytest.warns(FitFailedWarning, match="DivergedError"):
            found = search([1e-3, 1e30], model=model).fit(X, Y).cv_results_["mean_test_score"]
        assert np.isnan(found).tolist() == [False, True]
        assert cohort.census().diverged == 3
        assert [entry.status for entry in cohort.record] == ["finished"] * 3 + ["diverged"] * 3


def endless():
    """A search that would take hours."""
    return search(RATES, model=regressor(epochs=10**6))


def interrupt(send):
    """Interrupt the main thread once the fits train."""

    def run():
        while (cohort := current()) is None or not cohort.census().training:
            time.sleep(0.01)
        send()

    threading.Thread(target=run).start()


@pytest.fixture
def heed_interrupts():
    """Python's own handler of SIGINT, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heed_interrupts")
class TestInterruption:
    @pytest.mark.parametrize(
        "send",
        [_thread.interrupt_main, lambda: signal.raise_signal(signal.SIGINT)],
        ids=["interrupt_main", "raise_signal"],
    )
    def test_a_search_is_interrupted(self, send):
        interrupt(send)
        with pytest.raises(KeyboardInterrupt), kohort.together():
            endless().fit(X, Y)

    def test_a_block_goes_on_after_an_interruption(self):
        with kohort.together() as cohort:
            interrupt(_thread.interrupt_main)
            with pytest.raises(KeyboardInterrupt):
                endless().fit(X, Y)
            assert np.isfinite(search().fit(X, Y).cv_results_["mean_test_score"]).all()
        assert [entry.status for entry in cohort.record] == ["cancelled"] * 9 + ["finished"] * 9

    def test_a_nested_search_is_interrupted(self):
        interrupt(_thread.interrupt_main)
        with pytest.raises(KeyboardInterrupt), kohort.together():
            cross_validate(endless(), X, Y, cv=3, scoring=lambda *_: 0.0)

    def test_a_fit_in_the_main_thread_is_interrupted(self):
        interrupt(_thread.interrupt_main)
        with pytest.raises(KeyboardInterrupt), kohort.together():
            regressor(epochs=10**6).fit(X, Y)

    def test_a_block_that_ends_while_a_plain_thread_fits(self):
        raised = []

        def work():
            try:
                regressor(epochs=10**6).fit(X, Y)
            except kohort.CancelledError as error:
                raised.append(error)

        thread = threading.Thread(target=work)
        with kohort.together() as cohort:
            thread.start()
            while not cohort.census().training:
                time.sleep(0.01)
        thread.join()
        assert len(raised) == 1

    @pytest.mark.rest
    @pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
    @pytest.mark.parametrize("handled", [False, True])
    def test_a_process_ends(self, handled):
        script = SCRIPT.format(
            handler="except KeyboardInterrupt: pass" if handled else "finally: pass"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "training\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
        if handled:
            assert (process.returncode, errors) == (0, "")
        else:
            assert process.returncode == -signal.SIGINT
            assert errors.rstrip().endswith("KeyboardInterrupt")


SCRIPT = """
import threading, time
import kohort
from sklearn.datasets import make_regression
from sklearn.model_selection import GridSearchCV

X, y = make_regression(60, 4, random_state=0)
model = kohort.DenseRegressor(depth=1, width=8, epochs=10**6, early_stopping=False)

def watch(cohort):
    while not cohort.census().training:
        time.sleep(0.01)
    print("training", flush=True)

try:
    with kohort.together() as cohort:
        threading.Thread(target=watch, args=(cohort,)).start()
        GridSearchCV(model, {{"learning_rate": [1e-3, 1e-2]}}, cv=3).fit(X, y)
{handler}
"""
