"""Rows that stay in files: the same bytes whatever reads them, one pass for all who read along."""

import multiprocessing.util
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from multiprocessing import resource_tracker

import numpy as np
import psutil
import pytest
from PIL import Image

import kohort
from kohort.data import feeds, streams
from kohort.data.decoding import Images
from kohort.data.images import image_rows
from kohort.data.loader import Loader
from kohort.data.parts import Parts
from kohort.engine.order import Order

COUNT = 150


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Files whose first pixel tells their number."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    paths = []
    for number in range(COUNT):
        pixels = generator.integers(0, 255, (5, 4, 3), np.uint8)
        pixels[0, 0] = number
        paths.append(str(folder / f"{number}.png"))
        Image.fromarray(pixels).save(paths[-1])
    return Images(tuple(paths), 5, 4, 3)


def numbers(rows):
    return rows[:, 0].tolist()


def workers_of(process=None):
    children = (process or psutil.Process()).children(recursive=True)
    alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    return [child for child in alive if "spawn_main" in " ".join(child.cmdline())]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_parts_are_the_orders_rows_whatever_the_number_of_workers(images, workers):
    order = Order(3, COUNT)
    loader = Loader(Parts(images, order), workers)
    parts = [np.array(next(loader)) for _ in range(7)]
    loader.close()
    epochs = [order.epoch(number) for number in range(3)]
    assert [len(part) for part in parts] == [64, 64, 22, 64, 64, 22, 64]
    assert numbers(np.concatenate(parts)) == np.concatenate(epochs)[: 2 * COUNT + 64].tolist()
    np.testing.assert_array_equal(np.concatenate(parts), images[np.concatenate(epochs)[:364]])


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_goes_on_in_the_middle_of_an_epoch(images, workers):
    order = Order(3, COUNT)
    loader = Loader(Parts(images, order), workers, start=4)
    part = np.array(next(loader))
    loader.close()
    assert numbers(part) == order.epoch(1)[64:128].tolist()


def test_a_killed_worker_is_replaced_and_nothing_is_lost(images):
    order = Order(1, COUNT)
    loader = Loader(Parts(images, order), 2)
    found = [np.array(next(loader))]
    os.kill(workers_of()[0].pid, signal.SIGKILL)
    found += [np.array(next(loader)) for _ in range(20)]
    loader.close()
    wanted = np.concatenate([order.epoch(number) for number in range(7)])
    assert numbers(np.concatenate(found)) == wanted.tolist()


def test_a_worker_that_dies_before_it_has_read_its_start_is_replaced(images, monkeypatch):
    """With more to read than a pipe holds: the start waited for ever."""
    many = Images(images.paths * 20, 5, 4, 3)
    assert len(repr(many.paths)) > 2 * 64 * 1024
    resource_tracker.ensure_running()  # It is started by the same function.
    started, plain = [], multiprocessing.util.spawnv_passfds

    def first_dies(path, *arguments):
        started.append(path)
        return plain(os.fsencode(shutil.which("false")) if len(started) == 1 else path, *arguments)

    monkeypatch.setattr(multiprocessing.util, "spawnv_passfds", first_dies)
    order = Order(1, len(many))
    loader = Loader(Parts(many, order), 1)
    assert numbers(np.array(next(loader))) == (order.epoch(0)[:64] % COUNT).tolist()
    loader.close()
    assert len(started) == 2


@pytest.mark.rest
def test_workers_that_are_killed_again_and_again_are_an_error(images):
    loader = Loader(Parts(images, Order(1, COUNT)), 1)

    def read_and_kill():
        for _ in range(1000):
            next(loader)
            for worker in workers_of():
                worker.kill()

    with pytest.raises(kohort.DataError, match=r"killed 4 times.*use fewer workers"):
        read_and_kill()
    loader.close()
    assert not workers_of()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_file_that_vanishes_is_named(images, tmp_path, workers):
    gone = Images((*images.paths[:3], str(tmp_path / "gone.png")), 5, 4, 3)
    rows = image_rows(gone, workers)
    reader = rows.reader(Order(0, 4), 0, 1)
    with pytest.raises(kohort.DataError, match=r"gone\.png does not exist"):
        reader.take(np.empty((4, 60), np.uint8))
    reader.close()
    with pytest.raises(kohort.DataError, match=r"gone\.png does not exist"):
        rows[np.array([3])]


def test_random_access_gives_the_same_pixels(images):
    rows = image_rows(images, 0)
    assert rows.shape == (COUNT, 5, 4, 3)
    assert len(rows) == COUNT
    chosen = np.array([[5, 149], [0, 5]])
    np.testing.assert_array_equal(rows[chosen], images[chosen.ravel()].reshape(2, 2, -1))
    np.testing.assert_array_equal(rows[10:12], images[[10, 11]])
    assert rows[:0].shape == (0, 60)


def test_more_rows_than_memory_holds_are_refused(images, monkeypatch):
    monkeypatch.setattr("kohort.data.streams.available_memory", lambda: 1000)
    rows = image_rows(images, 0)
    assert rows[:10].shape == (10, 60)
    with pytest.raises(kohort.DataError, match=r"150 rows take 0.0 GiB.*fewer rows"):
        rows[:]


class Counting(Images):
    """Images that count how many of them have been decoded."""

    decoded = 0

    def __getitem__(self, rows):
        type(self).decoded += len(rows)
        return super().__getitem__(rows)


def take(reader, count=50):
    out = np.empty((count, 60), np.uint8)
    reader.take(out)
    return numbers(out)


def test_readers_of_one_order_share_one_pass(images):
    Counting.decoded = 0
    rows = image_rows(Counting(images.paths, 5, 4, 3), 0)
    order = Order(2, COUNT)
    readers = [rows.reader(order, 0, 2) for _ in range(8)]
    wanted = [*order.epoch(0), *order.epoch(1)]
    for start in range(0, 2 * COUNT, 50):
        for reader in readers:
            assert take(reader) == wanted[start : start + 50]
    for reader in readers:
        reader.close()
    assert Counting.decoded == 2 * COUNT


def test_who_comes_too_late_reads_a_pass_of_his_own(images, monkeypatch):
    rows = image_rows(images, 0)
    order = Order(2, COUNT)
    first = rows.reader(order, 0, 2)
    taken = take(first, COUNT)
    second = rows.reader(order, 0, 2)
    assert take(second, COUNT) == taken == order.epoch(0).tolist()
    assert take(first, COUNT) == take(second, COUNT)
    first.close()
    second.close()


@pytest.mark.rest
def test_a_reader_far_ahead_of_one_who_never_moves_is_not_held_up(images, monkeypatch):
    monkeypatch.setattr(feeds, "_PATIENCE", 0.1)
    rows = image_rows(images, 0)
    order = Order(2, COUNT)
    resting, running = (rows.reader(order, 0, 400) for _ in range(2))
    last = [take(running, COUNT) for _ in range(350)][-1]
    assert last == order.epoch(349).tolist()
    assert take(resting, COUNT) == order.epoch(0).tolist()
    resting.close()
    running.close()


def test_those_held_up_go_on_together(images, monkeypatch):
    monkeypatch.setattr(feeds, "_PATIENCE", 0.1)
    monkeypatch.setattr(streams, "_AHEAD_BYTES", 0)
    Counting.decoded = 0
    rows = image_rows(Counting(images.paths, 5, 4, 3), 0)
    order = Order(2, COUNT)
    wanted = [*order.epoch(0), *order.epoch(1), *order.epoch(2)]
    resting, *running = (rows.reader(order, 0, 3) for _ in range(7))
    for start in range(0, 3 * COUNT, 50):
        for reader in running:
            assert take(reader) == wanted[start : start + 50]
    for reader in (resting, *running):
        reader.close()
    made_ahead = streams._LEAST_AHEAD * images.part_rows
    assert Counting.decoded <= 3 * COUNT + made_ahead


def test_no_rows_are_kept_for_readers_that_have_left(images):
    rows = image_rows(images, 0)
    order = Order(2, COUNT)
    before = set(feeds._open)
    reader = rows.reader(order, 0, 500)
    (feed,) = set(feeds._open) - before
    take(reader)
    reader.close()
    feed._thread.join(60)
    assert not feed._kept
    again = rows.reader(order, 0, 1)
    assert take(again) == order.epoch(0)[:50].tolist()
    again.close()


def test_a_feed_ends_its_thread_and_its_workers_with_its_last_reader(images):
    before = threading.active_count()
    rows = image_rows(images, 1)
    readers = [rows.reader(Order(2, COUNT), 0, 5) for _ in range(2)]
    for reader in readers:
        take(reader)
        reader.close()
    deadline = time.monotonic() + 60
    while (workers_of() or threading.active_count() > before) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers_of()
    assert threading.active_count() <= before


@pytest.mark.rest
def test_a_script_without_a_guard_runs_once_and_its_workers_stay_small(images, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            print("once")
            import psutil
            from kohort.data.decoding import Images
            from kohort.data.loader import Loader
            from kohort.data.parts import Parts
            from kohort.engine.order import Order

            loader = Loader(Parts(Images({images.paths!r}, 5, 4, 3), Order(0, {COUNT})), 1)
            next(loader)
            worker = [c for c in psutil.Process().children() if "spawn_main" in str(c.cmdline())][0]
            maps = {{m.path for m in worker.memory_maps()}}
            print("keras" if any("sklearn" in path for path in maps) else "small")
            loader.close()
            """
        )
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["once", "small"], done.stderr


class TestOrder:
    def test_an_epoch_visits_each_row_once(self):
        for order in (Order(0, 20), Order(0, 20, np.arange(3, 17)), Order(0, 20, shuffled=False)):
            for number in range(3):
                visited = order.epoch(number)
                assert sorted(visited) == sorted(set(visited))
                assert len(visited) == order.size

    def test_blocks_are_read_some_at_a_time(self):
        blocks = np.repeat(np.arange(10), 7)
        order = Order(4, 70, np.flatnonzero(np.arange(70) % 3 > 0), blocks=blocks, window=2)
        epochs = [order.epoch(number) for number in range(2)]
        for visited in epochs:
            assert sorted(visited) == order.train.tolist()
            seen = blocks[visited]
            ends = [np.flatnonzero(seen == block).max() for block in range(10)]
            starts = [np.flatnonzero(seen == block).min() for block in range(10)]
            overlapping = [sum(s < e for s in starts) - 0 for e in sorted(ends)]
            assert overlapping == sorted(overlapping)
            for place in range(len(seen)):
                live = [b for b in range(10) if starts[b] <= place <= ends[b]]
                assert len(live) <= 2
        assert epochs[0].tolist() != epochs[1].tolist()

    def test_keys_tell_orders_apart(self):
        train = np.arange(5)
        assert Order(0, 9, train).key == Order(0, 9, train.copy()).key
        others = [Order(1, 9, train), Order(0, 8, train), Order(0, 9), Order(0, 9, train + 1),
                  Order(0, 9, train, shuffled=False),
                  Order(0, 9, train, blocks=np.arange(9))]  # fmt: skip
        assert Order(0, 9, train).key not in [other.key for other in others]
        assert Order(0, 9, train, False).key == Order(7, 9, train, False).key
