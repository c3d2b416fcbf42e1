"""Members spread over all local devices, and train as they do on one."""

import os
import subprocess
import sys

import numpy as np
import pytest

_PROBE = """
import sys
import numpy as np, jax
import kohort
from kohort.engine.executors import local
from kohort.engine.member import Member, Rows
from kohort.engine.population import Runner
from kohort.networks.own.fields import fields_of
from kohort.recipe.recipe import Recipe

used = set()
real = Runner.__init__

def spy(self, structure, slots, device, *rest, **named):
    used.add(device.id)
    real(self, structure, slots, device, *rest, **named)

Runner.__init__ = spy
x = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
y = x[:, :1] ** 2
members = []
for width in (5, 20, 40, 70, 100, 150, 200, 250):
    for seed in range(3):
        recipe = Recipe.of(
            loss="mse", depth=2, width=width, batch_size=16, epochs=8, early_stopping=False
        )
        fields, judged = fields_of(recipe, 4, 1), Rows(x[:50], y[:50])
        members.append(Member(**fields, rows=Rows(x, y), seed=seed, validation=judged))
outcomes = local.train(members)
print(len(jax.devices()), len(used), *(outcome.history["val_loss"][-1] for outcome in outcomes))
"""


def trained(devices):
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    out = subprocess.run(
        [sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True,
        env={**os.environ, "XLA_FLAGS": flags},
    )  # fmt: skip
    there, used, *losses = map(float, out.stdout.split())
    return there, used, losses


@pytest.mark.rest
def test_four_devices_share_the_members():
    there, used, losses = trained(4)
    assert (there, used) == (4, 4)
    alone, one, expected = trained(1)
    assert (alone, one) == (1, 1)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
