"""Fits on a cluster end as elsewhere: cancelled, or with the error of the cluster."""

import pytest
from tests.engine.cluster.conftest import (
    Delivered,
    FakeCluster,
    member,
    trained,
    trained_again,
)
from tests.engine.faults import PlantedError, raising

import kohort
from kohort.engine.executors.base import outcome_of
from kohort.engine.executors.cluster.base import Over, Refused
from kohort.engine.executors.cluster.executor import ClusterExecutor

pytestmark = pytest.mark.timeout(120)


class TestEnds:
    def test_what_waits_and_what_is_out_can_be_cancelled(self):
        fake = FakeCluster()
        fake.wait = lambda tasks, seconds: []
        engine, delivered = ClusterExecutor(fake, say=lambda line: None), Delivered()
        fits = [engine.submit(member(seed), delivered) for seed in range(40)]
        engine.start()
        while not engine._errands:
            pass
        engine.cancel(fits[30:])
        engine.cancel()
        del fake.wait
        delivered.wait(40)
        for fit in fits:
            with pytest.raises(kohort.CancelledError):
                outcome_of(fit)
        engine.join(60)
        assert fake.called_off
        assert not fake._news
        assert not engine.busy

    def test_an_errand_is_called_off_while_it_trains_what_nobody_waits_for(self):
        fake, delivered = FakeCluster(rooms=[1]), Delivered()
        engine, news = ClusterExecutor(fake, say=lambda line: None), fake.wait
        fits = [engine.submit(member(seed), delivered) for seed in range(4)]

        def wait(tasks, seconds):
            told = news(tasks, seconds)
            if fake.trained:
                engine.cancel(fits[1:])
            return told

        fake.wait = wait
        engine.start()
        delivered.wait(4)
        engine.join(60)
        assert len(fake.called_off) == 1
        assert [fit.error is None for fit in fits] == [True, False, False, False]

    @pytest.mark.parametrize("name", ["launch", "keep", "wait", "places"])
    def test_an_error_of_the_cluster_is_that_of_the_fits(self, name):
        fake = FakeCluster()
        engine = ClusterExecutor(fake, say=lambda line: None)

        setattr(fake, name, raising)
        for fit in trained(engine, [member(), member(1)]):
            with pytest.raises(PlantedError):
                outcome_of(fit)
        delattr(fake, name)
        fake._news.clear()
        assert outcome_of(trained_again(engine, member(2))).weights == [2]

    @pytest.mark.parametrize(
        ("news", "error"), [(Refused(PlantedError()), PlantedError), (Over(), kohort.ClusterError)]
    )
    def test_an_errand_that_cannot_be_run(self, news, error):
        fake = FakeCluster()
        fake._told = lambda *_: [news]
        for fit in trained(ClusterExecutor(fake, say=lambda line: None), [member(), member(1)]):
            with pytest.raises(error):
                outcome_of(fit)
