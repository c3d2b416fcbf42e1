"""Members to groups, groups to slots."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kohort.engine import plan
from kohort.engine.compilers.current import slots_of
from kohort.engine.compilers.native import NativeCompiler, instruction_sets
from kohort.engine.compilers.xla import XlaCompiler
from kohort.engine.devices import CORE

_FIELDS = st.fixed_dictionaries(
    {
        "width": st.integers(1, 70),
        "depth": st.integers(0, 2),
        "optimizer": st.sampled_from(["sgd", "momentum", "nesterov", "adam", "adamw"]),
        "loss": st.sampled_from(["mse", "mae"]),
        "batch_size": st.sampled_from([8, 9]),
        "l2": st.sampled_from([0.0, 0.1]),
        "dropout": st.sampled_from([0.0, 0.5]),
        "learning_rate": st.floats(1e-5, 1.0),
    }
)


def _group(member):
    return plan.structure_of(member).group


@given(fields=st.lists(_FIELDS, max_size=12))
def test_every_member_is_in_the_one_group_that_has_all_its_techniques(member, fields):
    members = [member(seed=seed, **one) for seed, one in enumerate(fields)]
    groups = plan.groups(members)
    assert sorted(m.seed for group in groups.values() for m in group) == list(range(len(members)))
    assert len({structure.group for structure in groups}) == len(groups)
    for structure, group in groups.items():
        assert {_group(one) for one in group} == {structure.group}
        assert all(structure.covers(plan.structure_of(one)) for one in group)
        assert structure.network.uses == frozenset().union(*(one.recipe.uses for one in group))
        seeds = [one.seed for one in group]
        assert seeds == sorted(seeds)


@pytest.mark.parametrize(
    "same",
    [
        {"learning_rate": 0.5},
        {"width": 16},
        {"optimizer": "nesterov"},
        {"weight_decay": 0.5},
        {"dropout": 0.5},
        {"l2": 0.5},
        {"epochs": 50},
        {"early_stopping": True},
        {"kernel_initializer": "zeros"},
        {"seed": 5},
    ],
    ids=str,
)
def test_numbers_do_not_separate_groups(member, same):
    fields = {"optimizer": "momentum", "width": 1}
    assert len(plan.groups([member(**fields), member(**{**fields, **same})])) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"width": 1000},
        {"depth": 2},
        {"optimizer": "sgd"},
        {"loss": "log_cosh"},
        {"batch_size": 9},
        {"activation": "tanh"},
    ],
    ids=str,
)
def test_structure_separates_groups(member, other):
    assert len(plan.groups([member(), member(**other)])) == 2


def test_dropout_without_hidden_layers_is_no_technique(member):
    assert plan.structure_of(member(depth=0, dropout=0.5)).network.uses == frozenset()


@given(
    width=st.integers(1, 3000),
    depth=st.integers(0, 3),
    waiting=st.integers(0, 3000),
    platform=st.sampled_from(["cpu", "gpu"]),
)
def test_slots_are_a_power_of_two_and_less_than_twice_the_members(
    member, width, depth, waiting, platform
):
    structure = plan.structure_of(member(width=width, depth=depth))
    slots = plan.slots_of(structure, waiting, platform)
    assert slots >= 1
    assert slots & (slots - 1) == 0
    assert slots < 2 * max(1, waiting)
    assert slots <= (8 if platform == "cpu" else 1024)


@pytest.mark.skipif(not instruction_sets(), reason="kohort was installed without its kernels")
def test_kernels_take_a_member_at_a_time_but_for_those_that_read_files_together(member):
    kernels, structure = NativeCompiler(XlaCompiler(), "baseline"), plan.structure_of(member())
    assert slots_of(structure, 30, CORE, kernels) == 1
    together = slots_of(structure, 30, CORE, XlaCompiler())
    assert together == slots_of(structure, 30, CORE, kernels, streamed=True) > 1


@given(st.integers(1, 400), st.integers(1, 5000))
def test_a_call_takes_whole_chunks_and_never_much_time(member, width, batch):
    structure = replace(plan.structure_of(member(width=width)), batch_size=batch)
    chunk, call = plan.chunk_steps(structure), plan.call_steps(structure)
    assert call % chunk == 0
    work = 6 * structure.network.parameters * batch * call
    assert call == chunk or work <= 1e9


@given(st.integers(1, 2000), st.integers(1, 500))
def test_wider_networks_never_get_more_slots(member, width, more):
    narrow, wide = (plan.structure_of(member(width=w, depth=2)) for w in (width, width + more))
    assert plan.slots_of(wide, 1000) <= plan.slots_of(narrow, 1000)


def test_cost_grows_with_rows_epochs_and_parameters(member, table):
    small = plan.cost_of(member())
    assert plan.cost_of(member(rows=table(74))) == pytest.approx(2 * small)
    assert plan.cost_of(member(epochs=6)) == pytest.approx(2 * small)
    assert plan.cost_of(member(width=500)) > small
