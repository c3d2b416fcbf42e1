"""A memo builds once per key, in however many threads, and holds no more than it was told."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from kohort.memo import Memo


def test_builds_once_and_returns_the_same_value():
    memo = Memo(4)
    first = memo.get_or_build("a", object)
    assert memo.get_or_build("a", object) is first
    assert memo.get("a") is first
    assert memo.get("b") is None


def test_the_value_used_longest_ago_is_dropped():
    memo = Memo(2)
    for key in "ab":
        memo.get_or_build(key, object)
    memo.get_or_build("a", object)
    memo.get_or_build("c", object)
    assert ("a" in memo, "b" in memo, "c" in memo) == (True, False, True)
    assert len(memo) == 2


def test_none_is_a_value():
    memo, built = Memo(2), []
    for _ in range(2):
        assert memo.get_or_build("a", lambda: built.append(1)) is None
    assert built == [1]


def test_threads_that_ask_at_once_share_one_build():
    memo, built, ready = Memo(2), [], threading.Barrier(4)

    def build():
        built.append(1)
        return object()

    def ask():
        ready.wait()
        return memo.get_or_build("a", build)

    with ThreadPoolExecutor(4) as threads:
        values = [task.result() for task in [threads.submit(ask) for _ in range(4)]]
    assert len(built) == 1
    assert len(set(map(id, values))) == 1


def test_builds_of_different_keys_run_side_by_side():
    memo, ready = Memo(2), threading.Barrier(2, timeout=30)
    with ThreadPoolExecutor(2) as threads:
        tasks = [threads.submit(memo.get_or_build, key, ready.wait) for key in "ab"]
        assert sorted(task.result() for task in tasks) == [0, 1]


def test_a_failed_build_leaves_nothing_and_is_tried_again():
    memo = Memo(2)
    with pytest.raises(KeyError):
        memo.get_or_build("a", lambda: {}["missing"])
    assert "a" not in memo
    assert memo.get_or_build("a", lambda: 1) == 1


def test_forgetting():
    memo = Memo(3)
    for key in "ab":
        memo.get_or_build(key, object)
    memo.forget("a")
    memo.forget("a")
    assert ("a" in memo, "b" in memo) == (False, True)
    memo.clear()
    assert len(memo) == 0


def test_a_build_may_ask_for_another_key():
    memo = Memo(3)
    assert memo.get_or_build("a", lambda: memo.get_or_build("b", lambda: 1) + 1) == 2


def test_room_for_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1; got 0"):
        Memo(0)
