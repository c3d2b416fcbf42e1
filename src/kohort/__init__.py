"""kohort: every candidate and fold of a hyperparameter search trained together, as one cohort.

`import kohort` imports neither Keras nor JAX nor pandas: each name brings what it needs when it is
first used.
"""

import importlib
import typing

import joblib

from kohort import _version, runtime
from kohort.errors import (
    BackendError,
    CancelledError,
    ClusterError,
    DataError,
    DivergedError,
    DivergedWarning,
    ForkedProcessError,
    KerasLoopWarning,
    KohortError,
    ModelError,
    ParameterError,
    RateWarning,
    RefitWarning,
    StoreWarning,
    TrackerError,
)

if typing.TYPE_CHECKING:
    from kohort.cohort.backend import CohortBackend
    from kohort.cohort.together import together
    from kohort.data.parquet import ParquetTable
    from kohort.engine.executors.ray import RayExecutor
    from kohort.engine.folder_store import FolderStore
    from kohort.estimators.conv import ConvClassifier, ConvRegressor
    from kohort.estimators.dense.dense import DenseClassifier, DenseRegressor
    from kohort.estimators.keras_models.classifier import KerasClassifier
    from kohort.estimators.keras_models.regressor import KerasRegressor
    from kohort.report.installation import show_versions
    from kohort.report.schedule_picture import plot_schedule
    from kohort.report.search_report import search_report
    from kohort.report.trackers.mlflow import MLflowTracker
    from kohort.report.trackers.optuna import OptunaTracker
    from kohort.report.trackers.tensorboard import TensorBoardTracker
    from kohort.report.trackers.tracker import log_search
    from kohort.searches.adaptive.search import AdaptiveSearchCV
    from kohort.searches.ensembles.ensemble import (
        EnsembleClassifier,
        EnsembleRegressor,
        ensemble_of,
    )
    from kohort.searches.loading import load
    from kohort.searches.search import GridSearchCV, RandomizedSearchCV
    from kohort.searches.tables.tabular import TabularClassifier, TabularRegressor
    from kohort.studies.batch_size.planning import plan_batch_size
    from kohort.studies.comparison.comparing import compare
    from kohort.studies.diagnosis.diagnosing import diagnose
    from kohort.studies.diagnosis.diagnosis import Diagnosis
    from kohort.studies.diagnosis.findings.finding import Finding
    from kohort.studies.learning_rate.mapping import rate_batch_map
    from kohort.studies.learning_rate.range_test import find_learning_rate
    from kohort.studies.workers.worker_planning import plan_workers

runtime.prepare()

__version__ = _version.VERSION

__all__ = [
    "AdaptiveSearchCV",
    "BackendError",
    "CancelledError",
    "ClusterError",
    "ConvClassifier",
    "ConvRegressor",
    "DataError",
    "DenseClassifier",
    "DenseRegressor",
    "Diagnosis",
    "DivergedError",
    "DivergedWarning",
    "EnsembleClassifier",
    "EnsembleRegressor",
    "Finding",
    "FolderStore",
    "ForkedProcessError",
    "GridSearchCV",
    "KerasClassifier",
    "KerasLoopWarning",
    "KerasRegressor",
    "KohortError",
    "MLflowTracker",
    "ModelError",
    "OptunaTracker",
    "ParameterError",
    "ParquetTable",
    "RandomizedSearchCV",
    "RateWarning",
    "RayExecutor",
    "RefitWarning",
    "StoreWarning",
    "TabularClassifier",
    "TabularRegressor",
    "TensorBoardTracker",
    "TrackerError",
    "compare",
    "find_learning_rate",
    "diagnose",
    "ensemble_of",
    "load",
    "log_search",
    "plan_batch_size",
    "plan_workers",
    "plot_schedule",
    "rate_batch_map",
    "search_report",
    "show_versions",
    "together",
]

_HOMES = {
    "AdaptiveSearchCV": "kohort.searches.adaptive.search",
    "ConvClassifier": "kohort.estimators.conv",
    "ConvRegressor": "kohort.estimators.conv",
    "DenseClassifier": "kohort.estimators.dense.dense",
    "DenseRegressor": "kohort.estimators.dense.dense",
    "Diagnosis": "kohort.studies.diagnosis.diagnosis",
    "EnsembleClassifier": "kohort.searches.ensembles.ensemble",
    "EnsembleRegressor": "kohort.searches.ensembles.ensemble",
    "Finding": "kohort.studies.diagnosis.findings.finding",
    "FolderStore": "kohort.engine.folder_store",
    "GridSearchCV": "kohort.searches.search",
    "KerasClassifier": "kohort.estimators.keras_models.classifier",
    "KerasRegressor": "kohort.estimators.keras_models.regressor",
    "MLflowTracker": "kohort.report.trackers.mlflow",
    "OptunaTracker": "kohort.report.trackers.optuna",
    "ParquetTable": "kohort.data.parquet",
    "RandomizedSearchCV": "kohort.searches.search",
    "RayExecutor": "kohort.engine.executors.ray",
    "TabularClassifier": "kohort.searches.tables.tabular",
    "TabularRegressor": "kohort.searches.tables.tabular",
    "TensorBoardTracker": "kohort.report.trackers.tensorboard",
    "compare": "kohort.studies.comparison.comparing",
    "diagnose": "kohort.studies.diagnosis.diagnosing",
    "ensemble_of": "kohort.searches.ensembles.ensemble",
    "find_learning_rate": "kohort.studies.learning_rate.range_test",
    "load": "kohort.searches.loading",
    "log_search": "kohort.report.trackers.tracker",
    "plan_batch_size": "kohort.studies.batch_size.planning",
    "plan_workers": "kohort.studies.workers.worker_planning",
    "plot_schedule": "kohort.report.schedule_picture",
    "rate_batch_map": "kohort.studies.learning_rate.mapping",
    "search_report": "kohort.report.search_report",
    "show_versions": "kohort.report.installation",
    "together": "kohort.cohort.together",
}
"""Module of each name that is imported when it is first used."""


if not typing.TYPE_CHECKING:  # Of a module with `__getattr__`, type checkers would take any name.

    def __getattr__(name: str) -> object:
        if name == "lab":
            return importlib.import_module("kohort.lab")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


def _backend(nesting_level: int | None = None, **parameters: int | None) -> "CohortBackend":
    """Make the backend of `joblib.parallel_config("kohort")`; its module is imported only then."""
    from kohort.cohort.backend import CohortBackend

    return CohortBackend(nesting_level, **parameters)


joblib.register_parallel_backend("kohort", _backend)
