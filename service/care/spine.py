"""Which levels of the spine a procedure can be done at. `L4-L5` is one level; vertebral procedures name vertebrae.

A sixth lumbar vertebra is a common variant, so its levels are accepted.
"""

from itertools import pairwise

from schedules.plan.vocabulary import Procedure

_CERVICAL = tuple(f"C{n}" for n in range(1, 8))
_THORACIC = tuple(f"T{n}" for n in range(1, 13))
_LUMBAR = tuple(f"L{n}" for n in range(1, 6))

_CERVICAL_DISCS = tuple(f"{upper}-{lower}" for upper, lower in pairwise((*_CERVICAL, "T1")))
_LUMBAR_DISCS = (*(f"{upper}-{lower}" for upper, lower in pairwise(("T12", *_LUMBAR, "S1"))), "L5-L6", "L6-S1")
_INTRACEPT_VERTEBRAE = (*_LUMBAR, "L6", "S1")
_KYPHOPLASTY_VERTEBRAE = (*_THORACIC, *_LUMBAR, "L6", "S1")

LEVELS: dict[Procedure, tuple[str, ...]] = {
    Procedure.lumbar_microdiscectomy: _LUMBAR_DISCS,
    Procedure.lumbar_laminectomy: _LUMBAR_DISCS,
    Procedure.tlif: _LUMBAR_DISCS,
    Procedure.alif: _LUMBAR_DISCS,
    Procedure.llif: _LUMBAR_DISCS,
    Procedure.intracept: _INTRACEPT_VERTEBRAE,
    Procedure.kyphoplasty: _KYPHOPLASTY_VERTEBRAE,
    Procedure.acdf: _CERVICAL_DISCS,
    Procedure.posterior_cervical_foraminotomy: _CERVICAL_DISCS,
}


def expected_levels(procedure: Procedure) -> str:
    """Return in words which levels a procedure takes."""
    allowed = LEVELS[procedure]
    kind = "levels" if "-" in allowed[0] else "vertebrae"
    return f"one or more different {kind} from {allowed[0]} to {allowed[-1]}"


def are_levels_of(procedure: Procedure, levels: tuple[str, ...]) -> bool:
    """Return whether `levels` are one or more different levels that `procedure` can be done at."""
    return bool(levels) and len(set(levels)) == len(levels) and set(levels) <= set(LEVELS[procedure])
