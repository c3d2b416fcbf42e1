"""Values that TensorBoard's own readers and its HParams page find."""

import numpy as np
import pytest

import kohort

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups
from tensorboard.util.tensor_util import make_ndarray


def _scalars(folder):
    """From tag to the values of each step."""
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: {event.step: make_ndarray(event.tensor_proto).item() for event in events.Tensors(tag)}
        for tag in events.Tags()["tensors"]
        if not tag.startswith("_hparams_")
    }


def _hparams_page(folder):
    """The experiment, and the session groups by name, as the page's own handlers give them."""
    runs = EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    provider = MultiplexerDataProvider(runs, str(folder))
    context = backend_context.Context(TBContext(data_provider=provider))
    asked = RequestContext()
    content = context.hparams_metadata(asked, "")
    experiment = context.experiment_from_metadata(asked, "", True, content, None)
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=100,
        allowed_statuses=[api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE],
        aggregation_type=api_pb2.AGGREGATION_AVG,
    )
    response = list_session_groups.Handler(asked, context, "", request).run()
    return experiment, {group.name: group for group in response.session_groups}


@pytest.fixture(scope="module")
def logged(searches, tmp_path_factory):
    """Folder of a search, by its name."""
    folders = {}
    for name, (search, cohort) in searches.items():
        folders[name] = tmp_path_factory.mktemp("runs") / "new"
        tracker = kohort.TensorBoardTracker(folders[name])
        assert kohort.log_search(search, tracker, cohort) == str(folders[name])
    return folders


def test_each_fit_has_its_learning_curve_and_its_score(searches, logged):
    search, _ = searches["random"]
    for number, record in enumerate(search.cohort_record_[:-1]):
        candidate, fold = divmod(number, 2)
        found = _scalars(logged["random"] / f"candidate_{candidate}" / f"fold_{fold + 1}")
        score = search.cv_results_[f"split{fold}_test_score"][candidate]
        assert found.pop("score") == {0: pytest.approx(score, rel=1e-6)}
        assert found == {
            name: {epoch: np.float32(value) for epoch, value in enumerate(log)}
            for name, log in record.history.items()
        }
    refit = _scalars(logged["random"] / f"candidate_{search.best_index_}" / "refit")
    assert list(refit["val_loss"].values()) == pytest.approx(
        search.best_estimator_.history_["val_loss"], rel=1e-6
    )


def test_hparams_averages_the_folds_of_each_candidate(searches, logged):
    search, _ = searches["random"]
    experiment, groups = _hparams_page(logged["random"])
    assert [info.name for info in experiment.hparam_infos] == [*search.cv_results_["params"][0]]
    assert [info.name.tag for info in experiment.metric_infos] == ["score", "loss", "val_loss"]
    for candidate, parameters in enumerate(search.cv_results_["params"]):
        group = groups[f"candidate_{candidate}"]
        assert len(group.sessions) == 2
        found = {name: value.number_value for name, value in group.hparams.items()}
        assert found | {"layer_norm": None} == parameters
        assert group.hparams["layer_norm"].string_value == "None"
        (score,) = [m.value for m in group.metric_values if m.name.tag == "score"]
        assert score == pytest.approx(search.cv_results_["mean_test_score"][candidate], rel=1e-6)


def test_a_fit_that_diverged_is_a_failure(logged):
    _, groups = _hparams_page(logged["diverging"])
    statuses = {name: {s.status for s in group.sessions} for name, group in groups.items()}
    assert statuses == {
        "candidate_0": {api_pb2.STATUS_SUCCESS},
        "candidate_1": {api_pb2.STATUS_FAILURE},
    }


def test_rounds_of_a_halving_search_are_parameters(searches, logged):
    search, _ = searches["halving"]
    experiment, groups = _hparams_page(logged["halving"])
    assert {info.name for info in experiment.hparam_infos} == {
        "learning_rate", "epochs", "iter", "n_resources",
    }  # fmt: skip
    rounds = [group.hparams["iter"].number_value for group in groups.values()]
    assert sorted(rounds) == sorted(search.cv_results_["iter"])


def test_every_metric_is_a_scalar(searches, logged):
    search, _ = searches["several metrics"]
    found = _scalars(logged["several metrics"] / "candidate_1" / "fold_2")
    for name in ("r2", "neg_mean_absolute_error"):
        score = search.cv_results_[f"split1_test_{name}"][1]
        assert found[name] == {0: pytest.approx(score, rel=1e-6)}


def test_a_folder_takes_one_search(searches, logged):
    tracker = kohort.TensorBoardTracker(logged["random"])
    message = "`folder` must be without event files of another search"
    with pytest.raises(kohort.TrackerError, match=message):
        kohort.log_search(searches["random"][0], tracker)


def test_parameters_of_several_types_are_words(data, tmp_path):
    search = kohort.GridSearchCV(
        kohort.DenseRegressor(depth=2, epochs=1, random_state=0),
        {"width": [8, [8, 4]], "standardize": [True, False]},
        cv=2,
    ).fit(*data)
    kohort.log_search(search, kohort.TensorBoardTracker(tmp_path))
    _, groups = _hparams_page(tmp_path)
    found = [
        (group.hparams["width"].string_value, group.hparams["standardize"].bool_value)
        for _, group in sorted(groups.items())
    ]
    wanted = [(p["width"], p["standardize"]) for p in search.cv_results_["params"]]
    assert found == [(str(width), flag) for width, flag in wanted]
