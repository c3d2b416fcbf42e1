import numpy as np
import pandas as pd

from kohort.report.page.searched import parameters_of


def _board(**columns):
    frame = {"std_score": 0.0, **columns, "epochs": 1.0}
    return pd.DataFrame(frame)


def test_numbers_choices_and_gaps_are_told_apart():
    board = _board(
        rate=[1e-4, 1e-1, 1e-2],
        width=[8, 16, 32],
        act=["relu", "elu", "relu"],
        clip=[None, 1.0, 2.0],
        on=[True, False, True],
    )
    found = {p.name: (p.numeric, p.log) for p in parameters_of(board, {})}
    choice = (False, False)
    assert found == {"rate": (True, True), "width": (True, False), "act": choice, "clip": choice,
                     "on": choice}  # fmt: skip


def test_a_space_that_says_logarithm_is_believed():
    board = _board(rate=[0.01, 0.02], dropout=[0.001, 0.4])
    space = {"rate": {"low": 0.01, "high": 0.02, "log": True}, "dropout": {"low": 0, "high": 0.5}}
    assert [p.log for p in parameters_of(board, space)] == [True, False]


def test_places_lead_back_to_values():
    board = _board(rate=[1e-4, 1e-1], act=["relu", "elu"], width=[8, 16])
    for parameter in parameters_of(board, {}):
        values = [parameter.value_at(place) for place in parameter.places]
        if parameter.numeric:
            np.testing.assert_allclose(values, parameter.values)
        else:
            assert values == parameter.values
