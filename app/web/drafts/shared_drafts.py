"""Drafts that people share: a text that is not published, open to everybody who may edit. No write loses another's."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiokafka.errors import KafkaError

from app.catalogs.draft_store import Change, DraftStore, OvertakenDraftError
from app.errors import UserError
from app.events.instants import iso
from app.runtime.records.draft_record import (
    DRAFT_BYTES_MAX,
    DRAFTS_MAX,
    DraftDeed,
    DraftRecord,
    ReviewRecord,
    encode_draft,
    new_draft_id,
)
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.texts import say

TIMEOUT_S: Final = 15.0
RETRY_AFTER_S: Final = 3
BASE_CHARACTERS_MAX: Final = 100
NAME_CHARACTERS_MAX: Final = 300


class DraftReview(msgspec.Struct, kw_only=True, frozen=True):
    """The review of the text of exactly this revision. `state`: asked, approved, returned or published. `decided`: null
    until somebody has. `publication`: the number under which it was published; 0: it was not."""

    state: str
    asked_by: str
    asked: str
    message: str
    decided_by: str
    decided: str | None
    comment: str
    publication: int


class SharedDraft(msgspec.Struct, kw_only=True, frozen=True):
    """A draft. `revision`: to be sent back with a change. `name`: of the definition that it replaces; empty: it is new.
    `base`: the publication that its author has seen. `deleted`: null for one that is there. `deed`: publish, removal
    (of `name`), rename (of `name` to `to`) or rollback (to the publication `to`). `writers`: who may not approve it.
    `review`: null without one."""

    id: str
    revision: int
    name: str
    text: str
    base: str
    by: str
    begun: str
    changed_by: str
    changed: str
    deleted: str | None
    deed: DraftDeed
    to: str
    writers: list[str]
    review: DraftReview | None


class SharedDraftRows(msgspec.Struct, kw_only=True, frozen=True):
    """Drafts, the one that was changed last first; also those that were deleted, which can be brought back. Their
    `text` is the first line."""

    drafts: list[SharedDraft]


class SharedDrafts:
    """Reads and writes drafts. Every refusal is a Problem."""

    def __init__(self, settings: Settings, now_ms: Callable[[], int] = lambda: int(time.time() * 1000)) -> None:
        self._store = DraftStore(settings)
        self._now_ms = now_ms

    async def rows(self) -> SharedDraftRows:
        """All drafts. Problem 503."""
        async with told():
            records = await self._store.all()
        newest = sorted(records.values(), key=lambda each: (each.changed_ms, each.id), reverse=True)
        short = (msgspec.structs.replace(each, text=each.text.strip().partition("\n")[0]) for each in newest)
        return SharedDraftRows(drafts=[_shown(each) for each in short])

    async def one(self, draft_id: str) -> SharedDraft:
        """A draft with its text, also a deleted one. Problem 404 or 503."""
        async with told():
            return _shown(_found(await self._store.all(), draft_id))

    async def begin(
        self, *, name: str, text: str, base: str, by: str, deed: DraftDeed = "publish", to: str = ""
    ) -> SharedDraft:
        """A new draft. Problem 400, 413 or 503."""
        now_ms = self._now_ms()

        def decide(drafts: dict[str, DraftRecord]) -> DraftRecord:
            if len(drafts) >= DRAFTS_MAX:
                raise Problem(400, "too-many", say("refused_many_drafts", most=DRAFTS_MAX))
            return _checked(
                DraftRecord(
                    id=new_draft_id(),
                    revision=1,
                    name=name,
                    text=text,
                    base=base,
                    by=by,
                    begun_ms=now_ms,
                    changed_by=by,
                    changed_ms=now_ms,
                    written_by=by,
                    deed=deed,
                    to=to,
                )
            )

        return await self._changed(decide)

    async def write(self, draft_id: str, *, text: str, base: str, revision: int, by: str) -> SharedDraft:
        """A draft with another text, and without a review. Problem 404, 409 if it is not at `revision` any more, 413 or
        503."""
        written = {"text": text, "base": base, "written_by": by, "review": None}
        return await self._replaced(draft_id, revision, by, lambda *_: written)

    async def delete(self, draft_id: str, *, revision: int, by: str) -> SharedDraft:
        """Hides a draft, and ends its review; its text stays. Problem 404, 409 or 503."""
        return await self._replaced(draft_id, revision, by, lambda _, now_ms: {"deleted_ms": now_ms, "review": None})

    async def bring_back(self, draft_id: str, *, revision: int, by: str) -> SharedDraft:
        """Shows a deleted draft again. Problem 404, 409 or 503."""
        return await self._replaced(draft_id, revision, by, lambda *_: {"deleted_ms": 0}, of_deleted=True)

    async def purge(self, draft_id: str, *, revision: int) -> SharedDraft:
        """Takes a deleted draft away with its text; it is shown as it was. Problem 404, 409 or 503."""

        def decide(drafts: dict[str, DraftRecord]) -> DraftRecord:
            found = _found(drafts, draft_id)
            if found.revision != revision or not found.deleted_ms:
                raise Problem(409, "other-revision", say("refused_draft_stays", deed=_latest_deed(found)))
            return found

        async with told():
            return _shown(await self._store.purge(decide))

    async def review(
        self, draft_id: str, *, revision: int, decide: Callable[[DraftRecord, int], ReviewRecord]
    ) -> SharedDraft:
        """A draft with another state of its review; nothing else of it changes. Problem 404, 409, 503, and of
        `decide`."""
        return await self._replaced(draft_id, revision, None, lambda found, now_ms: {"review": decide(found, now_ms)})

    async def record(self, draft_id: str) -> DraftRecord:
        """A draft as it is kept. Problem 404 or 503."""
        async with told():
            return _found(await self._store.all(), draft_id)

    async def _replaced(
        self,
        draft_id: str,
        revision: int,
        by: str | None,
        made: Callable[[DraftRecord, int], dict[str, Any]],
        *,
        of_deleted: bool = False,
    ) -> SharedDraft:
        """`by` None: those words stay that somebody else has written."""
        now_ms = self._now_ms()

        def decide(drafts: dict[str, DraftRecord]) -> DraftRecord:
            found = _found(drafts, draft_id)
            if found.revision != revision or bool(found.deleted_ms) is not of_deleted:
                raise Problem(409, "other-revision", say("refused_other_revision", deed=_latest_deed(found)))
            more = {} if by is None else {"changed_by": by, "changed_ms": now_ms}
            return _checked(msgspec.structs.replace(found, **made(found, now_ms), **more, revision=revision + 1))

        return await self._changed(decide)

    async def _changed(self, decide: Change) -> SharedDraft:
        async with told():
            return _shown(await self._store.change(decide))


def _found(drafts: dict[str, DraftRecord], draft_id: str) -> DraftRecord:
    if draft_id not in drafts:
        raise Problem(404, "no-draft", say("refused_no_draft", id=f"{draft_id!r:.80}"))
    return drafts[draft_id]


def _latest_deed(found: DraftRecord) -> str:
    """In words: what happened to a draft last, and by whom."""
    by, deed, at_ms = found.changed_by, "deleted" if found.deleted_ms else "changed", found.changed_ms
    if (review := found.review) is not None:
        by, deed, at_ms = review.asked_by, "asked", review.asked_ms
        if review.decided_ms:
            by, deed, at_ms = review.decided_by, "decided", review.decided_ms
    return say(f"said_draft_{deed}", by=by or say("said_somebody"), at=iso(at_ms))


def _checked(record: DraftRecord) -> DraftRecord:
    wanted = {"publish": (), "removal": (record.name,), "rename": (record.name, record.to), "rollback": (record.to,)}
    if not all(wanted[record.deed]) or (record.deed != "publish" and record.text):
        raise Problem(400, "invalid-request", "a removal has `name`, a rollback `to`, a rename both, and none a text")
    if max(len(record.base), len(record.to)) > BASE_CHARACTERS_MAX or len(record.name) > NAME_CHARACTERS_MAX:
        raise Problem(400, "invalid-request", "the base or the name is too long: send those of the definition")
    size = len(encode_draft(record))
    if size > DRAFT_BYTES_MAX:
        raise Problem(413, "too-large", say("refused_large_draft", n=size, most=DRAFT_BYTES_MAX))
    return record


def _shown(record: DraftRecord) -> SharedDraft:
    return SharedDraft(
        id=record.id,
        revision=record.revision,
        name=record.name,
        text=record.text,
        base=record.base,
        by=record.by,
        begun=iso(record.begun_ms),
        changed_by=record.changed_by,
        changed=iso(record.changed_ms),
        deleted=iso(record.deleted_ms) if record.deleted_ms else None,
        deed=record.deed,
        to=record.to,
        writers=sorted(record.writers),
        review=None if record.review is None else _shown_review(record.review),
    )


def _shown_review(review: ReviewRecord) -> DraftReview:
    return DraftReview(
        state=review.state,
        asked_by=review.asked_by,
        asked=iso(review.asked_ms),
        message=review.message,
        decided_by=review.decided_by,
        decided=iso(review.decided_ms) if review.decided_ms else None,
        comment=review.comment,
        publication=review.publication,
    )


@asynccontextmanager
async def told() -> AsyncIterator[None]:
    """Errors of Kafka as problems of a request."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield
    except OvertakenDraftError:
        raise Problem(503, "overtaken", say("refused_other_console"), retry_after_s=1) from None
    except TimeoutError:
        raise Problem(503, "kafka", say("refused_kafka_slow"), retry_after_s=RETRY_AFTER_S) from None
    except (UserError, KafkaError, OSError) as error:
        said = f"{error}".partition("\n")[0] or type(error).__name__
        raise Problem(503, "kafka", said, retry_after_s=RETRY_AFTER_S) from None
