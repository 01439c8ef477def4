"""What a check-in's own fields say that a red flag says too: it raises the flag's alert, asked for or not. Pure."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from schedules.plan.vocabulary import WoundSign

FEVER_TENTHS_C: Final = 383  # 101 degrees Fahrenheit (evidence file, section 6)
# The signs that the evidence file, section 6, names with an urgency. The others are for the record.
FLAG_OF_SIGN: Final[Mapping[WoundSign, str]] = MappingProxyType(
    {
        WoundSign.spreading_redness: "wound_infection",
        WoundSign.pus: "wound_infection",
        WoundSign.opening: "wound_infection",
        WoundSign.clear_fluid: "fluid_or_meningitis",
    }
)
_FEVER: Final = "wound_infection"


def implied_flags(wound_signs: Collection[str], temperature_tenths_c: float | None) -> frozenset[str]:
    """Return the keys of the red flags that signs at the wound and a temperature amount to.

    >>> sorted(implied_flags(["clear_fluid", "redness"], 383))
    ['fluid_or_meningitis', 'wound_infection']
    """
    flags = {flag for sign, flag in FLAG_OF_SIGN.items() if sign in wound_signs}
    if temperature_tenths_c is not None and temperature_tenths_c >= FEVER_TENTHS_C:
        flags.add(_FEVER)
    return frozenset(flags)
