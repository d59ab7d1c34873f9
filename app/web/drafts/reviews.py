"""Reviews: where they are set, nothing is published that a second person has not approved, word for word."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from msgspec.structs import replace

from app.runtime.audit import audited
from app.runtime.records.draft_record import DraftDeed, DraftRecord, ReviewRecord
from app.service.http.http_problem import Problem
from app.settings import Settings
from app.web.drafts.shared_drafts import SharedDraft, SharedDrafts, told
from app.web.texts import say

MESSAGE_CHARACTERS_MAX: Final = 2_000
Decision: TypeAlias = Callable[[DraftRecord, int], ReviewRecord]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A publication that somebody asks for; an approved draft must say exactly the same."""

    deed: DraftDeed
    base: str
    name: str = ""
    text: str = ""
    to: str = ""

    def is_said_by(self, draft: DraftRecord) -> bool:
        """True if the draft is about exactly this."""
        said = (draft.deed, draft.base, draft.name, draft.text, draft.to)
        return said == (self.deed, self.base, self.name, self.text, self.to)


class Reviews:
    """Reviews of drafts; each step is in the audit log. Every refusal is a Problem."""

    def __init__(self, settings: Settings, drafts: SharedDrafts) -> None:
        self._settings = settings
        self._drafts = drafts

    async def ask(self, draft_id: str, *, revision: int, message: str, by: str) -> SharedDraft:
        """Sends a draft for review. Problem 400, 404, 409 or 503."""
        _check_said(message, say("refused_no_message"))

        def decide(draft: DraftRecord, now_ms: int) -> ReviewRecord:
            if draft.review is not None and draft.review.state == "approved":
                raise Problem(409, "approved", say("refused_approved", by=draft.review.decided_by))
            return ReviewRecord(state="asked", asked_by=by, asked_ms=now_ms, message=message)

        return await self._decided(draft_id, revision, by, "asked", decide)

    async def approve(self, draft_id: str, *, revision: int, comment: str, by: str) -> SharedDraft:
        """Approves a draft. Problem 403 for those who have written it, 404, 409 or 503."""
        if comment:
            _check_said(comment, "")

        def decide(draft: DraftRecord, now_ms: int) -> ReviewRecord:
            review = _open_review(draft, "asked")
            if by in draft.writers:
                raise Problem(403, "own-draft", say("refused_own_draft"))
            return replace(review, state="approved", decided_by=by, decided_ms=now_ms, comment=comment)

        return await self._decided(draft_id, revision, by, "approved", decide)

    async def send_back(self, draft_id: str, *, revision: int, comment: str, by: str) -> SharedDraft:
        """Sends a draft back to its author; an approval ends, too. Problem 400, 404, 409 or 503."""
        _check_said(comment, say("refused_no_comment"))

        def decide(draft: DraftRecord, now_ms: int) -> ReviewRecord:
            review = _open_review(draft, "asked", "approved")
            return replace(review, state="returned", decided_by=by, decided_ms=now_ms, comment=comment)

        return await self._decided(draft_id, revision, by, "returned", decide)

    async def approver(self, draft_id: str, wanted: Wanted) -> str:
        """The person who has approved what somebody wants to publish; empty where no review is needed. Problem 409
        without an approval of exactly this."""
        if not self._settings.console_review:
            return ""
        if not draft_id:
            raise Problem(409, "no-approval", say("refused_needs_review"))
        draft = await self._drafts.record(draft_id)
        review = draft.review
        if draft.deleted_ms or review is None or review.state != "approved" or review.decided_by in draft.writers:
            raise Problem(409, "no-approval", say("refused_unapproved"))
        if not wanted.is_said_by(draft):
            raise Problem(409, "no-approval", say("refused_not_approved"))
        return review.decided_by

    async def published(self, draft_id: str, number: int | None) -> None:
        """Notes at a draft that it was published. What was published stands in the history in any case."""
        if not self._settings.console_review or number is None:
            return

        def decide(draft: DraftRecord, _: int) -> ReviewRecord:
            return replace(_open_review(draft, "approved"), state="published", publication=number)

        try:
            draft = await self._drafts.record(draft_id)
            await self._drafts.review(draft_id, revision=draft.revision, decide=decide)
        except Problem as problem:
            log.warning("draft %s was published as %d, and does not say so: %s", draft_id, number, problem.body.code)

    async def _decided(self, draft_id: str, revision: int, by: str, step: str, decide: Decision) -> SharedDraft:
        if not self._settings.console_review:
            raise Problem(409, "no-review", say("refused_reviews_off"))
        details = _details(await self._drafts.record(draft_id)) | {"step": step}
        async with told(), audited(self._settings, "definitions.review", details=details, actor=by):
            return await self._drafts.review(draft_id, revision=revision, decide=decide)


def _details(draft: DraftRecord) -> dict[str, str]:
    """Details of an audit record about a draft."""
    said = {"draft": draft.id, "deed": draft.deed, "definition": draft.name, "to": draft.to}
    return {name: text for name, text in said.items() if text}


def _open_review(draft: DraftRecord, *states: str) -> ReviewRecord:
    """The review of a draft, if it is in one of these states. Problem 409."""
    if draft.review is None or draft.review.state not in states:
        raise Problem(409, "no-review", say("refused_not_waiting"))
    return draft.review


def _check_said(text: str, wanted: str) -> None:
    """Problem 400 for a message that says nothing, or too much."""
    if not text.strip():
        raise Problem(400, "message", wanted)
    if len(text) > MESSAGE_CHARACTERS_MAX:
        raise Problem(400, "message", say("refused_long_message", n=len(text), most=MESSAGE_CHARACTERS_MAX))
