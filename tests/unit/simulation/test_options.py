"""Options of `shoal simulate` are accepted or refused with a message."""

import pytest

from app.cli.simulate import shop_settings, simulate
from app.errors import UserError


def test_the_rate_is_per_second_of_the_machine() -> None:
    shop = shop_settings(rate=60, users=10, speed=30, seed=1, start_ms=0)
    assert shop.events_per_s == 2


def test_a_history_has_ten_events_a_user_unless_said_otherwise() -> None:
    assert shop_settings(rate=1, users=10, speed=1, seed=1, start_ms=0, history_ms=5).history_events == 100
    assert shop_settings(rate=1, users=10, speed=1, seed=1, start_ms=0).history_events == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": 0.0}, "--rate is 0"),
        ({"users": -1}, "--users is -1"),
        ({"speed": 0.0}, "--speed is 0"),
        ({"speed": float("nan")}, "--speed is nan"),
        ({"seed": -4}, "--seed is -4"),
        ({"for_": "60"}, "a duration has a unit: 60s"),
        ({"for_": "0s"}, "--for is 0s"),
        ({"start": "yesterday"}, "--start is 'yesterday'"),
        ({"history": "long"}, "--history: long is not a duration"),
        ({"history_events": 5}, "--history-events needs --history"),
        ({"end_mark": True}, "--end-mark belongs to --file"),
        ({"file": ["x.jsonl"], "seed": 1}, "--seed has no meaning with --file"),
        ({"partitions": 0}, "partitions is 0"),
    ],
)
def test_a_wrong_option_is_named_with_its_value(options: dict[str, object], said: str) -> None:
    with pytest.raises(UserError) as caught:
        simulate(**options)  # type: ignore[arg-type]  # as converted by the command line
    assert said in str(caught.value)
