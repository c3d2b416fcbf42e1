"""Convolutional estimators: Keras's numbers, scikit-learn's searches, arrays and files alike."""

import pickle

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_val_score

import kohort

SMALL = {"depth": 1, "width": 4, "epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def digits():
    digits = load_digits(n_class=3)
    return (digits.images[:150] * 15.9).astype(np.uint8), digits.target[:150]


@pytest.fixture(scope="module")
def files(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    paths = []
    for number, image in enumerate(digits[0]):
        paths.append(folder / f"{number}.png")
        Image.fromarray(image).save(paths[-1])
    return paths


@pytest.mark.rest
@pytest.mark.parametrize(
    "options",
    [{"architecture": "vgg"}, {"architecture": "resnet"}, {"batch_norm": False, "l2": 1e-3}],
    ids=["vgg", "resnet", "plain"],
)
def test_training_is_keras_s(digits, options):
    X, y = digits
    estimator = kohort.ConvClassifier(**SMALL, **options, shuffle=False)
    other = clone(estimator).initialize(X, y).model_
    other.fit(
        X[..., None].astype("float32"), y[:, None], epochs=2, batch_size=32, shuffle=False,
        verbose=0,
    )  # fmt: skip
    fitted = estimator.fit(X, y)
    for ours, theirs in zip(fitted.model_.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["sample_weight", "class_weight"])
def test_images_weigh_as_in_keras(digits, files, kind):
    X, y = digits
    weight = (
        np.linspace(0.2, 1.8, len(y)) if kind == "sample_weight" else np.array([0.3, 0.9, 1.6])[y]
    )
    options = {**SMALL, "shuffle": False, "batch_norm": False}
    if kind == "class_weight":
        options["class_weight"] = {0: 0.3, 1: 0.9, 2: 1.6}
    estimator = kohort.ConvClassifier(**options)
    other = clone(estimator).initialize(X, y).model_
    other.fit(
        X[..., None].astype("float32"), y[:, None], epochs=2, batch_size=32, shuffle=False,
        sample_weight=weight, verbose=0,
    )  # fmt: skip
    given = weight if kind == "sample_weight" else None
    for images in (X, files):
        fitted = clone(estimator).fit(images, y, sample_weight=given)
        for ours, theirs in zip(fitted.model_.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_files_and_arrays_give_the_same_model(digits, files):
    X, y = digits
    from_array = kohort.ConvClassifier(**SMALL).fit(X, y)
    from_files = kohort.ConvClassifier(**SMALL).fit(files, y)
    np.testing.assert_array_equal(from_array.predict_proba(X), from_files.predict_proba(files))


def test_paths_may_be_a_series_with_any_index(digits, files):
    import pandas as pd

    index = range(150, 300)
    names = pd.Series([str(path) for path in files], index=index)
    given = pd.Series(digits[1], index=index)
    fitted = kohort.ConvClassifier(**SMALL).fit(names, given)
    expected = kohort.ConvClassifier(**SMALL).fit(files, digits[1])
    np.testing.assert_array_equal(fitted.predict_proba(names), expected.predict_proba(files))
    assert np.isfinite(cross_val_score(kohort.ConvClassifier(**SMALL), names, given, cv=2)).all()


def test_a_search_over_paths_is_one_cohort(digits, files):
    y = digits[1]
    search = GridSearchCV(
        kohort.ConvClassifier(**{**SMALL, "epochs": 8, "learning_rate": 0.03}),
        {"learning_rate": [0.01, 0.03], "dropout": [0.0, 0.2]},
        cv=3,
    )
    with kohort.together() as cohort:
        search.fit(np.array([str(path) for path in files]), y)
    assert len(cohort.record) == 13
    assert search.best_score_ > 0.8


@pytest.mark.parametrize("name", ["flip", "crop", "rotation", "color"])
def test_augmentation_happens_in_training_only(digits, name):
    X, y = digits
    model = kohort.ConvClassifier(**SMALL, augment=[name], augment_strength=0.5).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), model.predict_proba(X))
    plain = kohort.ConvClassifier(**SMALL).fit(X, y)
    assert not np.allclose(plain.predict_proba(X), model.predict_proba(X), atol=1e-3)


@pytest.mark.rest
def test_a_backbone_of_keras_applications(digits):
    X = np.repeat(np.kron(digits[0][:24], np.ones((4, 4), np.uint8))[..., None], 3, axis=3)
    model = kohort.ConvClassifier(backbone="MobileNetV3Small", epochs=1, random_state=0)
    assert model.fit(X, digits[1][:24]).predict(X).shape == (24,)
    assert any("mobile" in layer.name.lower() for layer in model.model_.layers)


def test_images_to_numbers(digits):
    X = digits[0] / 255
    y = X.mean(axis=(1, 2))
    y = (y - y.mean()) / y.std()
    model = kohort.ConvRegressor(**{**SMALL, "epochs": 20, "learning_rate": 0.03})
    assert cross_val_score(model, X, np.stack([y, 1 - y], axis=1), cv=2).shape == (2,)
    assert model.fit(X, y).score(X, y) > 0.5


def test_a_fitted_model_survives_pickling(digits):
    X, y = digits
    model = kohort.ConvClassifier(**SMALL).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_allclose(again.predict_proba(X), model.predict_proba(X), rtol=1e-5)
    assert clone(model).get_params() == model.get_params()


class TestFaults:
    def test_bad_files_are_named_or_left_out(self, digits, files, tmp_path):
        empty = tmp_path / "empty.png"
        empty.touch()
        paths, y = [*files[:60], empty], np.append(digits[1][:60], 0)
        with pytest.raises(kohort.DataError, match=r"1 of 61 image files.*empty\.png has no bytes"):
            kohort.ConvClassifier(**SMALL).fit(paths, y)
        model = kohort.ConvClassifier(**SMALL, bad_images="skip").fit(
            paths, y, sample_weight=np.ones(61)
        )
        assert model.n_skipped_ == 1
        same = kohort.ConvClassifier(**SMALL).fit(paths[:60], y[:60])
        np.testing.assert_array_equal(model.predict_proba(files[:5]), same.predict_proba(files[:5]))
        with pytest.raises(kohort.DataError, match=r"empty\.png"):
            model.predict(paths)

    def test_bad_files_are_left_out_of_all_that_trains_and_validates(self, digits, files, tmp_path):
        y = list(digits[1])
        gone = str(tmp_path / "gone.png")
        model = kohort.ConvClassifier(**SMALL, bad_images="skip")
        data = ([*files[60:], gone], [*y[60:], 0])
        judged = clone(model).fit([*files[:60], gone], [*y[:60], 0], validation_data=data)
        clean = clone(model).fit(files[:60], y[:60], validation_data=(files[60:], y[60:]))
        assert judged.n_skipped_ == 2
        assert judged.history_ == clean.history_
        partly = clone(model).partial_fit([*files, gone], [*y, 0])
        assert partly.n_skipped_ == 1
        assert partly.history_ == clone(model).partial_fit(files, y).history_
        assert clone(model).initialize([gone, *files], [0, *y]).n_skipped_ == 1

    @pytest.mark.parametrize("place", ["y", "sample_weight"])
    def test_lengths_are_compared_before_files_are_left_out(self, digits, files, place):
        y, weight = list(digits[1]), np.ones(151)
        given = {"y": (y[:50], weight), "sample_weight": ([*y, 0], weight[:50])}[place]
        with pytest.raises(ValueError, match=r"inconsistent numbers of samples: .*50"):
            kohort.ConvClassifier(**SMALL, bad_images="skip").fit([*files, "gone.png"], *given)

    def test_parameters_are_checked_before_a_part_is_fitted(self, digits, files):
        with pytest.raises(kohort.ParameterError, match="`workers` must be"):
            kohort.ConvClassifier(**SMALL, workers="all").partial_fit(files, digits[1])

    @pytest.mark.parametrize("missing", [None, float("nan")])
    def test_what_is_no_path_is_named(self, digits, files, missing):
        with pytest.raises(kohort.DataError, match=rf"1 of 151 image files .*{missing}"):
            kohort.ConvClassifier(**SMALL).fit([*files, missing], [*digits[1], 0])

    def test_no_good_file_is_an_error_even_when_skipping(self, tmp_path):
        with pytest.raises(kohort.DataError, match="2 of 2 image files"):
            kohort.ConvClassifier(bad_images="skip").fit([tmp_path / "a", tmp_path / "b"], [0, 1])

    def test_a_table_is_no_image(self):
        with pytest.raises(kohort.DataError, match=r"X must be images of shape.*\(20, 4\)"):
            kohort.ConvClassifier().fit(np.zeros((20, 4)), np.arange(20) % 2)

    def test_one_class_is_refused(self, digits):
        with pytest.raises(ValueError, match="at least two classes"):
            kohort.ConvClassifier(**SMALL).fit(digits[0], np.zeros(150))

    @pytest.mark.parametrize("rate", [-0.1, 0, float("nan"), float("inf"), "fast"])
    def test_a_learning_rate_that_is_not_positive_is_refused(self, digits, rate):
        model = kohort.ConvClassifier(**SMALL | {"learning_rate": rate})
        with pytest.raises(
            kohort.ParameterError, match="`learning_rate` must be a number > 0 or 'auto'"
        ):
            model.fit(*digits)

    @pytest.mark.parametrize(("size", "most"), [((8, 8), 4), ((5, 2), 4), ((1, 1), 1)])
    def test_more_stages_than_pooling_leaves_pixels_for_are_refused(self, size, most):
        images, labels = np.zeros((4, *size, 1)), [0, 1, 0, 1]
        shape = "x".join(map(str, size))
        words = f"`depth` must be at most {most} for images of {shape}.*got {most + 1}"
        with pytest.raises(kohort.ParameterError, match=words):
            kohort.ConvClassifier(depth=most + 1, width=2).initialize(images, labels)
        kohort.ConvClassifier(depth=most, width=2).initialize(images, labels)

    def test_a_class_per_image_is_refused(self, digits):
        with pytest.raises(kohort.DataError, match="got 150 classes in 150 rows"):
            kohort.ConvClassifier(**SMALL).fit(digits[0], np.arange(150))

    def test_pixels_of_another_kind_are_refused(self, digits):
        model = kohort.ConvClassifier(**SMALL).fit(*digits)
        with pytest.raises(kohort.DataError, match="must be uint8 pixels, as in fit; got float64"):
            model.predict(digits[0] / 255)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("architecture", "alexnet"), ("depth", 0), ("width", 0), ("augment", "flip"),
         ("augment", ["mirror"]), ("augment_strength", 2.0), ("bad_images", "ignore"),
         ("backbone", "NoNet"), ("dropout", 1.0), ("channels", 4), ("channels", 2),
         ("image_size", 5), ("image_size", (5, 0)), ("image_size", (5, 6, 7))],
    )  # fmt: skip
    def test_bad_parameters_are_refused(self, digits, name, value):
        with pytest.raises((kohort.ParameterError, kohort.ModelError), match=f"`{name}` must be"):
            kohort.ConvClassifier(**{**SMALL, name: value}).fit(*digits)
