"""A folder of images as a problem, and the model of it."""

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import ParameterGrid

import kohort
from kohort.searches.ending import end_of
from kohort.searches.problems.image_folder import ImageModel, image_network, image_problem
from kohort.searches.problems.image_settings import ImageParameters
from kohort.searches.problems.sources import load_model
from kohort.searches.spaces import default_space

SETTINGS = {"depth": 1, "width": 4, "epochs": 3, "batch_norm": False, "learning_rate": 0.02}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Thirty images of 6 x 5 in colour: red ones and blue ones."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    for channel, name in ((0, "red"), (2, "blue")):
        (folder / name).mkdir()
        for number in range(15):
            pixels = generator.integers(0, 60, (6, 5, 3), np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def test_images_are_shuffled_with_their_labels(folder):
    problem = image_problem(folder, {}, seed=0)
    assert [path.parent.name for path in problem.X] == problem.labels.tolist()
    assert set(problem.X) == set(folder.glob("*/*.png"))
    assert set(problem.labels[-6:]) == {"red", "blue"}
    assert problem.fixed == {"image_size": [6, 5], "channels": 3, "bad_images": "raise"}
    other = image_problem(folder, {}, seed=1)
    assert not (other.labels == problem.labels).all()


def test_settings_say_how_images_are_read(folder):
    problem = image_problem(folder, {"image_size": [4, 4], "channels": 1}, seed=0)
    assert problem.fixed == {"image_size": [4, 4], "channels": 1, "bad_images": "raise"}


def test_a_saved_model_predicts_the_same(folder, tmp_path):
    problem = image_problem(folder, SETTINGS, seed=0)
    fitted = problem.network(SETTINGS, 0).fit(problem.X, problem.labels)
    ImageModel(fitted).save(tmp_path)
    with pytest.raises(kohort.DataError, match="add --trusted"):
        load_model(tmp_path)
    loaded = load_model(tmp_path, trusted=True)
    assert isinstance(loaded, ImageModel)
    found = loaded.predictions([folder / "red", folder / "blue"], proba=True)
    paths = [*sorted((folder / "red").iterdir()), *sorted((folder / "blue").iterdir())]
    assert found["image"].tolist() == [str(path) for path in paths]
    np.testing.assert_array_equal(found[["blue", "red"]], fitted.predict_proba(paths))
    (tmp_path / "estimator.joblib").unlink()
    with pytest.raises(kohort.DataError, match=r"It has no estimator\.joblib\."):
        load_model(tmp_path, trusted=True)


def test_training_ends_when_the_validation_loss_no_longer_falls(folder):
    problem = image_problem(folder, {}, seed=0)
    settings = {**SETTINGS, "epochs": 30, "learning_rate": 0.5, "callbacks__patience": 1}
    network = problem.network(settings, 0).fit(problem.X, problem.labels)
    end, losses = end_of(network), network.history_["val_loss"]
    assert end.status == "stopped_early"
    assert end.epochs == len(losses) < 30
    assert end.logs["val_loss"] == min(losses)
    whole = image_network({**SETTINGS, "validation_split": 0}, 0).fit(problem.X, problem.labels)
    assert end_of(whole).status == "finished"
    assert list(end_of(whole).logs) == ["loss"]


@pytest.mark.parametrize("method", ["random", "grid"])
def test_the_default_spaces_hold_what_the_network_takes(method):
    space = default_space(method, ImageParameters())
    for name, choices in space.items():
        values = choices if isinstance(choices, list) else choices.rvs(20, random_state=0)
        for value in values:
            ImageParameters().check(name, value)
    if method == "grid":
        assert len(ParameterGrid(space)) == 16
