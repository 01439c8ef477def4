"""Personal instructions before surgery, on the page of their item: a clinician enters, signs, and takes them away."""

from flask import Response

from service.api.scope import caller, now
from service.api.settle import settled
from service.care.slots import empty_slot, fill_slot, find_slot, sign_slot
from service.dashboard.blueprint import clinic, typed, typed_day
from service.dashboard.milestone_views import do_to_milestone
from service.db import current_session
from service.errors import ConflictError, Fault, StaleError

_CHANGED = ConflictError(Fault("", "the entry that was shown", "another one: somebody changed it meanwhile"))


@clinic.post("/milestones/<id:milestone_id>/slot")
@settled
def enter_slot(milestone_id: str) -> Response:
    """Enter what depends on the person, for the present day of surgery, unless it was changed since it was shown."""
    find_slot(current_session(), caller(), milestone_id)

    def deed() -> object:
        return fill_slot(
            current_session(),
            caller(),
            milestone_id,
            due_on=typed_day("due_on"),
            instruction=typed("instruction").replace("\r\n", "\n") or None,
            now=now(),
            require_match=_require_shown,
        )

    return do_to_milestone(milestone_id, deed)


@clinic.post("/milestones/<id:milestone_id>/slot/take-away")
@settled
def take_slot_entry_away(milestone_id: str) -> Response:
    """Take away the entry that was shown: the item is blank again, and its messages are planned anew."""
    find_slot(current_session(), caller(), milestone_id)
    return do_to_milestone(
        milestone_id,
        lambda: empty_slot(current_session(), caller(), milestone_id, now=now(), require_match=_require_shown),
    )


@clinic.post("/milestones/<id:milestone_id>/slot/sign")
@settled
def sign_entered_slot(milestone_id: str) -> Response:
    """Sign the entry that was shown, for anaesthesia: from then on the patient is told."""
    find_slot(current_session(), caller(), milestone_id)
    rev = typed("rev", longest=16)
    read = int(rev) if rev.isascii() and rev.isdigit() else 0

    def deed() -> object:
        try:
            return sign_slot(current_session(), caller(), milestone_id, rev=read, now=now())
        except StaleError:
            raise _CHANGED from None

    return do_to_milestone(milestone_id, deed)


def _require_shown(tag: str) -> None:
    if typed("tag", longest=64) != tag:
        raise _CHANGED
