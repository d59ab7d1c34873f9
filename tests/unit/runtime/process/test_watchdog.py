"""A worker without progress has to end."""

import threading

from app.runtime.process.watchdog import Sight, Watchdog, verdict


def told(*overdue: str | None, loop_silent_s: float = 0.0, rebalancing_s: float = 0.0) -> str | None:
    return verdict(
        loop_silent_s=loop_silent_s,
        rebalancing_s=rebalancing_s,
        partitions=[Sight(number, why) for number, why in enumerate(overdue)],
        stall_s=60.0,
        commit_stall_s=180.0,
    )


def test_a_worker_that_gets_on_stays() -> None:
    assert told(None, None, loop_silent_s=59, rebalancing_s=179) is None


def test_a_loop_that_stands_still_ends_the_worker() -> None:
    assert "event loop" in (told(loop_silent_s=61) or "")


def test_a_partition_that_is_overdue_ends_the_worker() -> None:
    assert told(None, "running: made no progress for 61 s") == "partition 1 running: made no progress for 61 s"


def test_a_rebalance_without_end_ends_the_worker() -> None:
    assert "rebalance" in (told(rebalancing_s=181) or "")


def test_the_thread_sees_a_silent_loop() -> None:
    ended: list[str] = []
    done = threading.Event()

    def end(why: str) -> None:
        ended.append(why)
        done.set()

    dog = Watchdog(lambda: (0.0, ()), stall_ms=100, commit_stall_ms=1_000, end=end)
    dog.start()
    try:
        assert done.wait(10)
    finally:
        dog.stop()
    assert "event loop" in ended[0]
