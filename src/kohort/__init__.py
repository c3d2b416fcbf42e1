"""kohort: every fit of a hyperparameter search as a member of one compiled program."""

from kohort import _version, runtime

runtime.prepare()

from kohort.cohort.backend import register as _register  # noqa: E402
from kohort.cohort.together import together  # noqa: E402
from kohort.data.parquet import ParquetTable  # noqa: E402
from kohort.errors import (  # noqa: E402
    BackendError,
    CancelledError,
    DataError,
    DivergedError,
    DivergedWarning,
    ForkedProcessError,
    KerasLoopWarning,
    KohortError,
    ModelError,
    ParameterError,
    RateWarning,
    TrackerError,
)
from kohort.estimators.conv import ConvClassifier, ConvRegressor  # noqa: E402
from kohort.estimators.dense.dense import DenseClassifier, DenseRegressor  # noqa: E402
from kohort.estimators.dense.loading import load  # noqa: E402
from kohort.estimators.keras_models.wrappers import KerasClassifier, KerasRegressor  # noqa: E402
from kohort.report.schedule_picture import plot_schedule  # noqa: E402
from kohort.report.search_report import search_report  # noqa: E402
from kohort.report.trackers.mlflow import MLflowTracker  # noqa: E402
from kohort.report.trackers.optuna import OptunaTracker  # noqa: E402
from kohort.report.trackers.tensorboard import TensorBoardTracker  # noqa: E402
from kohort.report.trackers.tracker import log_search  # noqa: E402
from kohort.searches.search import GridSearchCV, RandomizedSearchCV  # noqa: E402
from kohort.studies.batch_size.planning import plan_batch_size  # noqa: E402
from kohort.studies.comparison.comparing import compare  # noqa: E402
from kohort.studies.diagnosis.diagnosing import diagnose  # noqa: E402
from kohort.studies.diagnosis.diagnosis import Diagnosis  # noqa: E402
from kohort.studies.diagnosis.findings.finding import Finding  # noqa: E402
from kohort.studies.learning_rate.mapping import rate_batch_map  # noqa: E402
from kohort.studies.learning_rate.range_test import find_learning_rate  # noqa: E402
from kohort.studies.workers.worker_planning import plan_workers  # noqa: E402

_register()

__version__ = _version.VERSION

__all__ = [
    "BackendError",
    "CancelledError",
    "ConvClassifier",
    "ConvRegressor",
    "DataError",
    "DenseClassifier",
    "DenseRegressor",
    "Diagnosis",
    "DivergedError",
    "DivergedWarning",
    "Finding",
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
    "TensorBoardTracker",
    "TrackerError",
    "compare",
    "find_learning_rate",
    "diagnose",
    "load",
    "log_search",
    "plan_batch_size",
    "plan_workers",
    "plot_schedule",
    "rate_batch_map",
    "search_report",
    "together",
]
