"""The example of a contribution in CONTRIBUTING.md, done as it says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import kohort

_PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
_TRY = """
import keras, numpy as np, kohort
X = np.random.default_rng(0).normal(size=(40, 3))
model = kohort.DenseRegressor(
    width=4, depth=1, epochs=2, optimizer="signum", batch_size=40, early_stopping=False,
    schedule="1cycle", random_state=0,
).fit(X, X[:, 0])
exported = model.to_keras().optimizer
assert (type(exported), exported.beta_1, exported.beta_2) == (keras.optimizers.Lion, 0.9, 0.9)
assert "signum" in kohort.DenseRegressor.__doc__
print("trained", model.n_epochs_)
"""


@pytest.mark.rest
def test_a_new_optimizer_is_one_file(tmp_path):
    (source,) = re.findall(r"```python\n(.*?)```", _PAGE.read_text("utf-8"), re.S)
    package = tmp_path / "kohort"
    shutil.copytree(Path(kohort.__file__).parent, package)
    (package / "recipe" / "optimizers" / "signum.py").write_text(source, "utf-8")
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    ran = subprocess.run(
        [sys.executable, "-S", "-c", _TRY],  # An editable kohort's import hook would come first.
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, "KERAS_BACKEND": "jax"},
    )  # fmt: skip
    assert ran.stdout == "trained 2\n", ran.stderr
