"""What a patient must hear at once when a surgery moves or is called off after advice for its day went out.

Pure: knows which advice counts, the words, and how long they are useful. Who was told, and how, is not known here.
Source: evidence file, section 12a.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from schedules.plan.protocol import Text
from schedules.plan.vocabulary import MilestoneKind, SurgeryStatus


class UrgentCorrection(StrEnum):
    """The reminder keys of urgent corrections: sent at once, and not stopped by what they are about."""

    surgery_moved = "surgery_moved"
    surgery_called_off = "surgery_called_off"


URGENT_KEYS: Final = frozenset(key.value for key in UrgentCorrection)
# In the order in which a correction is hung on one of them: every plan before surgery has the first.
ADVICE_KINDS: Final = (
    MilestoneKind.fasting,
    MilestoneKind.medicines_pause,
    MilestoneKind.medicines_restart,
    MilestoneKind.skin_wash,
)
USEFUL: Final = timedelta(days=7)  # no clinical figure: the clinic is asked to call at once, whatever becomes of it
OPENING: Final = Text(
    en="Your dates have changed. This message replaces an earlier one.",
    es="Sus fechas han cambiado. Este mensaje reemplaza uno anterior.",
)
URGENT_TEXTS: Final[Mapping[str, Text]] = MappingProxyType(
    {
        UrgentCorrection.surgery_moved: Text(
            en="Your surgery has moved. Ask us now about eating and about paused medicines.",
            es="Su cirugía cambió de fecha. Pregúntenos ahora sobre la comida y los medicamentos suspendidos.",
        ),
        UrgentCorrection.surgery_called_off: Text(
            en="Your surgery has been called off. Ask us now about eating and about paused medicines.",
            es="Su cirugía se canceló. Pregúntenos ahora sobre la comida y los medicamentos suspendidos.",
        ),
    }
)


def correction_for(
    *, was_on: date | None, becomes_on: date | None, was: SurgeryStatus, becomes: SurgeryStatus
) -> UrgentCorrection | None:
    """Return what makes earlier advice wrong: a planned, dated surgery is called off, or has another date or none.

    None where no advice can have been wrong: the surgery had no date, was over, or happened after all.
    """
    if was is not SurgeryStatus.planned or was_on is None:
        return None
    if becomes is SurgeryStatus.cancelled:
        return UrgentCorrection.surgery_called_off
    moved = becomes is SurgeryStatus.planned and becomes_on != was_on
    return UrgentCorrection.surgery_moved if moved else None
