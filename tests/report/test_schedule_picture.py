"""plot_schedule draws the rates that training uses."""

import numpy as np
import pytest
from matplotlib import pyplot

import kohort
from kohort.recipe.recipe import Recipe
from kohort.recipe.schedules import SCHEDULES, momenta, rates


@pytest.fixture(autouse=True)
def closed():
    yield
    pyplot.close("all")


def _model(schedule, **parameters):
    pieces = {"boundaries": [3, 6]} if schedule == "piecewise" else {}
    return kohort.DenseRegressor(
        schedule=schedule, **pieces, **{"epochs": 10, "learning_rate": 0.02} | parameters
    )


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_line_is_the_rate_of_each_step(schedule):
    model = _model(schedule, warmup=2)
    line = kohort.plot_schedule(model, steps_per_epoch=7).axes[0].lines[0]
    recipe = Recipe.of(**{n: getattr(model, n) for n in ("schedule", "warmup", "epochs",
                       "learning_rate", "boundaries")}, loss="mse")  # fmt: skip
    np.testing.assert_allclose(line.get_xdata(), np.arange(70) / 7)
    np.testing.assert_array_equal(line.get_ydata(), rates(recipe, np.arange(70), 7))


def test_the_second_panel_is_the_momentum_of_one_cycle():
    figure = kohort.plot_schedule(_model("1cycle", optimizer="nesterov"), _model("cosine"))
    assert [axes.get_ylabel() for axes in figure.axes] == ["learning rate", "momentum"]
    recipe = Recipe.of(schedule="1cycle", epochs=10, optimizer="nesterov", loss="mse")
    (line,) = figure.axes[1].lines
    np.testing.assert_array_equal(line.get_ydata(), momenta(recipe, np.arange(1000), 100))


def test_lines_are_named_by_what_differs():
    figure = kohort.plot_schedule(_model("cosine"), _model("1cycle", warmup=2))
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert names == ["cosine, warmup=0", "1cycle, warmup=2"]
    assert kohort.plot_schedule(_model("cosine")).axes[0].get_legend() is None


@pytest.mark.parametrize(
    ("estimators", "options", "words"),
    [
        ((), {}, "estimators"),
        (("cosine",), {}, "DenseRegressor or DenseClassifier"),
        ((kohort.DenseRegressor(),), {"steps_per_epoch": 0}, "steps_per_epoch"),
        ((kohort.DenseRegressor(schedule="saw"),), {}, "schedule"),
    ],
)
def test_bad_input_is_one_clear_error(estimators, options, words):
    with pytest.raises(kohort.ParameterError, match=words):
        kohort.plot_schedule(*estimators, **options)
