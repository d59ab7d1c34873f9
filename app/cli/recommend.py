"""`shoal recommend`: items for users, learnt from files of events, measured, and published to the HTTP service."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

import msgspec
from cyclopts import Parameter

from app.cli.process import Pairs, settings_of
from app.console.options import read_instant_ms
from app.console.output import counted, make_console, say, say_lines
from app.console.output_file import check_output_file, write_output_file
from app.console.recommendations import show_items, show_learnt, show_measured
from app.errors import UserError
from app.events.instants import iso
from app.events.visible_text import visible, visible_json
from app.recommendations.histories import Histories, Stays, item_text, read_histories, read_stays
from app.recommendations.measuring import cases_of, measure, split_of
from app.recommendations.model import Recommendations, ranked, read_recommendations, write_recommendations
from app.recommendations.redis_store import RecommendationStore, Served
from app.recommendations.training import train
from app.runtime.redis_client import connect_redis
from app.settings import Settings

Action = Literal["train", "evaluate", "show", "publish", "withdraw"]
MOST: Final = 50

T = TypeVar("T")


def recommend(
    action: Action,
    files: Annotated[list[Path] | None, Parameter(consume_multiple=True)] = None,
    /,
    *,
    output: Path | None = None,
    events: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = ("Product Viewed",),
    item: str = "product_id",
    changes: Path | None = None,
    split: str | None = None,
    n: int = 10,
    items: Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())] = (),
    recent: str = "recent-items",
    json: Annotated[bool, Parameter(negative=())] = False,
    set_: Pairs = None,
) -> int:
    """Learn which items users come to after others, measure it, and publish it for the HTTP service.

    `train` counts in files of events which items have users in common, and writes a file. `evaluate` does the same with
    the earlier events and says how often the next new item of a user is among the best, compared with popular items.
    `show` prints the items of a file for a history. `publish` puts a file into Redis (REDIS_URL), where `shoal serve`
    reads it: GET /v1/users/USER/recommendations. `withdraw` takes it away. Only publish and withdraw need Redis.

    Example: `shoal recommend train events.jsonl.gz --output recommendations.json`

    Parameters
    ----------
    action
        train, evaluate, show, publish or withdraw.
    files
        train, evaluate: messages in the Segment spec (.jsonl, .gz, Parquet). show, publish: the file of train.
    output
        train: the file to write (JSON).
    events
        train, evaluate: names of the events with an item, such as 'Product Viewed' 'Product Added'.
    item
        train, evaluate: the property that names the item.
    changes
        train, evaluate: changes of a backtest over the same events. Users of a segment then get its popular items where
        neighbours are too few.
    split
        evaluate: learn from what is before this instant, measure on the rest. Default: the last quarter of the time.
    n
        evaluate, show: the number of items, from 1 to 50.
    items
        show: the history, the latest item first.
    recent
        publish: the segment that attaches the latest items of a user, item_1 being the latest.
    json
        evaluate, show: print JSON.
    set_
        publish, withdraw: settings, as name=value: `--set redis_prefix=shop:`.
    """
    if not 1 <= n <= MOST:
        raise UserError(f"--n is {n}", hint=f"a whole number from 1 to {MOST}")
    if action == "withdraw":
        return _withdraw(settings_of(set_))
    if not files:
        raise UserError(f"{action} needs a file", hint="shoal recommend train events.jsonl.gz --output FILE")
    if action == "train":
        return _train(files, output, events=events, item=item, changes=changes)
    if action == "evaluate":
        return _evaluate(files, events=events, item=item, changes=changes, split=split, most=n, as_json=json)
    if len(files) > 1:
        raise UserError(f"{action} takes one file, not {len(files)}", hint=f"shoal recommend {action} {files[0]}")
    learnt = _read(files[0])
    return (
        _show(learnt, items, most=n, as_json=json) if action == "show" else _publish(learnt, settings_of(set_), recent)
    )


def _train(files: list[Path], output: Path | None, *, events: tuple[str, ...], item: str, changes: Path | None) -> int:
    if output is None:
        raise UserError("train needs --output", hint="--output recommendations.json")
    check_output_file(output, files)
    histories, stays = _histories(files, events, item, changes)
    learnt = train(histories, events=events, item=item, stays=stays)
    write_output_file(output, [write_recommendations(learnt)])
    show_learnt(make_console(stderr=True), learnt, histories, output)
    return 0


def _evaluate(
    files: list[Path],
    *,
    events: tuple[str, ...],
    item: str,
    changes: Path | None,
    split: str | None,
    most: int,
    as_json: bool,
) -> int:
    histories, stays = _histories(files, events, item, changes)
    split_ms = split_of(histories) if split is None else read_instant_ms(split, option="--split")
    learnt = train(histories, events=events, item=item, until_ms=split_ms, stays=stays)
    found = measure(learnt, list(cases_of(histories, split_ms)), most=most, split=iso(split_ms), stays=stays)
    console = make_console()
    if as_json:
        say_lines(console, visible_json(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()))
    else:
        show_measured(console, found, learnt, histories)
    return 0


def _histories(
    files: list[Path], events: tuple[str, ...], item: str, changes: Path | None
) -> tuple[Histories, Stays | None]:
    return read_histories(files, events, item), None if changes is None else read_stays(changes)


def _read(file: Path) -> Recommendations:
    """The file of `train`. UserError."""
    try:
        return read_recommendations(file.read_bytes())
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}", hint="shoal recommend train writes one") from None
    except ValueError as error:
        raise UserError(
            f"{file} holds no recommendations", detail=visible(str(error)), hint="shoal recommend train writes one"
        ) from None


def _show(learnt: Recommendations, items: tuple[str, ...], *, most: int, as_json: bool) -> int:
    history = [text for each in items if (text := item_text(each))]
    found = ranked(history, learnt.neighbours, learnt.popular, most=most)
    console = make_console()
    if as_json:
        say_lines(console, visible_json(msgspec.json.format(msgspec.json.encode(found), indent=2).decode()))
    else:
        show_items(console, found)
    return 0


def _publish(learnt: Recommendations, settings: Settings, recent: str) -> int:
    async def publish(store: RecommendationStore) -> Served:
        return await store.publish(learnt, recent=recent)

    served = _with_store(settings, publish)
    console = make_console()
    say(console, f"recommendations {served.version} are served: {counted(len(learnt.neighbours), 'item')}")
    say(console, f"the latest items of a user come from the segment {recent}: docs/recommendations.md shows it")
    return 0


def _withdraw(settings: Settings) -> int:
    async def withdraw(store: RecommendationStore) -> Served | None:
        return await store.withdraw()

    before = _with_store(settings, withdraw)
    said = "none were served" if before is None else f"recommendations {before.version} are not served any more"
    say(make_console(), said)
    return 0


def _with_store(settings: Settings, deed: Callable[[RecommendationStore], Awaitable[T]]) -> T:
    """The result of a deed with the store of these settings. UserError if Redis does not answer."""
    from redis.exceptions import RedisError

    async def work() -> T:
        redis = connect_redis(settings)
        try:
            return await deed(RecommendationStore(redis, prefix=settings.redis_prefix))
        except (RedisError, OSError) as error:
            raise UserError(f"Redis does not answer: {error}", hint="REDIS_URL says where it is") from None
        finally:
            await redis.aclose()

    return asyncio.run(work())
