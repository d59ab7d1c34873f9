"""The progress of a backfill, and the time that is left."""

from app.backfill.progress import Progress


def test_the_time_that_is_left_is_that_of_the_stage() -> None:
    now_s = 0.0
    progress = Progress(lambda: now_s)
    assert (progress.told, progress.left_s) == ("looking for the topics", None)
    progress.at("reading", 100, 1_000)
    now_s = 0.5
    progress.at("reading", 300, 1_000)
    times = [progress.left_s]
    now_s = 4.0
    assert [*times, progress.left_s] == [None, 14]  # at first it is too early to tell
    progress.at("filling", 0, 10)
    times = [progress.left_s]
    now_s = 8.0
    progress.at("filling", 4, 10)
    assert (*times, progress.left_s, progress.told) == (None, 6, "filling: 4 of 10 users written, 6s to go")
    progress.at("filling", 10, 10)
    assert progress.left_s is None
    progress.at("ending")
    assert progress.told == "waiting for the workers"
