"""A chunk of steps of some members, ready to be run again and again by a compiler."""

from __future__ import annotations

from typing import Any

import numpy as np

STEPS = 64


class Steps:
    """The first chunk of an epoch; calling it runs it, and goes on from what that gave.

    Parameters
    ----------
    compiler : Compiler
    slots, batch, features : int
    first_epoch : int, default=0
    **fields : Any
        Of the recipe.
    """

    def __init__(
        self, compiler: Any, slots: int, batch: int, features: int, first_epoch: int = 0,
        **fields: Any,
    ) -> None:  # fmt: skip
        from kohort.engine.devices import CORE
        from kohort.engine.fit import Fit
        from kohort.engine.member import Member, Rows
        from kohort.engine.plan import structure_of
        from kohort.engine.programs import compilations
        from kohort.networks.own.fields import fields_of
        from kohort.recipe.recipe import Recipe

        recipe = Recipe.of(loss="mse", batch_size=batch, **fields)
        x = np.random.default_rng(0).normal(size=(STEPS * batch, features)).astype(np.float32)
        rows, known = Rows(x, x[:, :1] * x[:, 1:2]), fields_of(recipe, features, 1)
        members = [
            Member(**known, rows=rows, seed=seed, first_epoch=first_epoch) for seed in range(slots)
        ]
        structure = structure_of(members[0])
        compiler = compiler.serving(structure, CORE)
        params = np.zeros((slots, structure.network.layout.size), np.float32)
        state = np.tile(compiler.packing(structure).initial, (slots, 1))
        feed = compiler.feed(structure, slots, CORE, None)
        fits = {slot: Fit(member) for slot, member in enumerate(members)}
        for slot, fit in fits.items():
            structure.network.layout.embed(members[slot].initial_variables(), params[slot])
            feed.enter(slot, fit)
        state = state if state.size else state[:0]
        self._params, self._state = (compiler.put(array, CORE) for array in (params, state))
        self._drawn = feed.draw(fits, STEPS)
        with compilations() as log:
            self._train = compiler.train(structure, slots, CORE)
        self.compile_seconds = sum(entry.seconds for entry in log)

    def __call__(self) -> None:
        self._params, self._state, losses, _ = self._train(self._params, self._state, self._drawn)
        np.asarray(losses)
