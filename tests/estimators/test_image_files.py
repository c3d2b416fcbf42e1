"""Networks on image files: the same from memory and streamed, alone and in searches."""

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import kohort
from kohort.cohort.session import session
from kohort.data import decoding, pixel_store
from kohort.estimators import image_estimator
from kohort.memo import Memo

SMALL = {"depth": 1, "width": 4, "epochs": 2, "random_state": 0, "image_size": (8, 8)}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Photographs of three sizes in which one of three channels is bright."""
    folder = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    paths, labels = [], []
    for number in range(90):
        side = (12, 16, 20)[number % 3 - 1]
        pixels = generator.integers(0, 120, (side, 16, 3), np.uint8)
        pixels[..., number % 3] += 120
        paths.append(str(folder / f"{number}.jpg"))
        labels.append("rgb"[number % 3])
        Image.fromarray(pixels).save(paths[-1], quality=95)
    return np.array(paths), np.array(labels)


@pytest.mark.parametrize("options", [{"workers": 0}, {"workers": 2}, {"workers": "auto"}])
def test_streaming_gives_the_network_that_memory_gives(files, options, monkeypatch):
    monkeypatch.setattr("kohort.studies.workers.worker_planning._AUTO_SECONDS", 0.1)
    model = kohort.ConvClassifier(**SMALL)
    resident = clone(model).fit(*files)
    streamed = clone(model).set_params(**options).fit(*files)
    for one, other in zip(resident.weights_, streamed.weights_, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(resident.predict(files[0]), streamed.predict(files[0]))
    if options["workers"] == "auto":
        assert streamed.worker_plan_.workers in set(streamed.worker_plan_.table["workers"])


def test_files_that_memory_does_not_hold_are_streamed(files, monkeypatch):
    model = kohort.ConvClassifier(**SMALL, validation_split=0.2)
    resident = clone(model).fit(*files)
    monkeypatch.setattr(image_estimator, "available_memory", lambda: 1000)
    monkeypatch.setattr(image_estimator.ImageEstimator, "_readers", property(lambda self: 1))
    streamed = clone(model).fit(*files)
    assert resident.history_ == streamed.history_
    np.testing.assert_array_equal(
        resident.predict_proba(files[0]), streamed.predict_proba(files[0])
    )


def test_a_search_decodes_each_file_once(files, monkeypatch):
    seen = []
    plain = decoding.decoded
    monkeypatch.setattr(decoding, "decoded", lambda path, *a: seen.append(path) or plain(path, *a))
    search = GridSearchCV(kohort.ConvClassifier(**SMALL), {"learning_rate": [1e-3, 1e-2]}, cv=3)
    with kohort.together():
        search.fit(*files)
    assert sorted(seen) == sorted(files[0])


@pytest.mark.rest
@pytest.mark.parametrize("options", [{}, {"workers": 0}, {"batch_size": "auto"}])
def test_a_fit_reads_each_header_once(files, options, monkeypatch):
    monkeypatch.setattr("kohort.studies.batch_size.planning._AUTO_SECONDS", 0.1)
    monkeypatch.setattr(session(), "plans", Memo(4))
    seen = []
    plain = pixel_store.headers
    monkeypatch.setattr(pixel_store, "headers", lambda paths: seen.extend(paths) or plain(paths))
    kohort.ConvClassifier(**{**SMALL, **options, "epochs": 1}).fit(*files)
    assert sorted(seen) == sorted(files[0])


def test_a_plan_of_the_batch_size_decodes_each_file_once(files, monkeypatch):
    seen = []
    plain = decoding.decoded
    monkeypatch.setattr(decoding, "decoded", lambda path, *a: seen.append(path) or plain(path, *a))
    kohort.plan_batch_size(kohort.ConvClassifier(**SMALL), *files, seconds=0.1)
    assert sorted(seen) == sorted(files[0])


def test_candidates_that_stream_read_each_file_once_an_epoch(files, monkeypatch):
    seen = []
    plain = decoding.decoded
    monkeypatch.setattr(decoding, "decoded", lambda path, *a: seen.append(path) or plain(path, *a))
    model = kohort.ConvClassifier(**SMALL, workers=0)
    split = [(np.arange(60), np.arange(60, 90))]
    search = GridSearchCV(
        model, {"learning_rate": np.geomspace(1e-4, 1e-1, 8)}, cv=split, refit=False
    )
    with kohort.together():
        search.fit(*files)
    trained = [path for path in seen if path in set(files[0][:60])]
    assert len(trained) == 2 * 60
    alone = clone(model).set_params(learning_rate=0.1).fit(files[0][:60], files[1][:60])
    assert search.cv_results_["mean_test_score"][-1] == alone.score(files[0][60:], files[1][60:])


def test_pixels_are_kept_as_bytes(files):

    for X in (files[0], np.zeros((90, 8, 8, 3), np.uint8)):
        (member,) = kohort.ConvClassifier(**SMALL).prepare(X, files[1]).members
        assert member.rows.x.dtype == np.uint8


def test_the_middle_is_cut_out_to_keep_the_aspect_ratio(tmp_path):
    pixels = np.zeros((8, 24, 3), np.uint8)
    pixels[:, :8], pixels[:, 16:] = 255, 255
    path = str(tmp_path / "wide.png")
    Image.fromarray(pixels).save(path)
    assert decoding.decoded(path, (8, 8, 3), True).max() == 0
    assert decoding.decoded(path, (8, 8, 3), False)[0, 0, 0] == 255


class TestFaults:
    def test_a_file_that_vanishes_while_training(self, files, tmp_path, monkeypatch):
        path = tmp_path / "vanishes.png"
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
        paths = np.append(files[0][:20], str(path))
        model = kohort.ConvClassifier(**SMALL, workers=0)
        plain = model._from_files
        monkeypatch.setattr(model, "_from_files", lambda *a: (plain(*a), path.unlink())[0])
        with pytest.raises(kohort.DataError, match=r"vanishes\.png does not exist"):
            model.fit(paths, np.append(files[1][:20], "r"))

    def test_other_sizes_than_in_fit(self, files):
        small = [path for number, path in enumerate(files[0]) if number % 3 == 0]
        large = [path for number, path in enumerate(files[0]) if number % 3 == 1]
        model = kohort.ConvClassifier(**{**SMALL, "image_size": None})
        model.fit(small, np.arange(len(small)) % 2)
        with pytest.raises(kohort.DataError, match=r"must be 20x16, as in fit; got 12x16"):
            model.predict(large)

    @pytest.mark.parametrize("value", [-1, 1.5, "all"])
    def test_bad_numbers_of_workers(self, files, value):
        with pytest.raises(kohort.ParameterError, match="`workers` must be"):
            kohort.ConvClassifier(**SMALL, workers=value).fit(*files)
