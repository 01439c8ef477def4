"""The settings of limits: what callers may, how often, how long; of how many they are told; how long things stay.

Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass

from config_values import hash_file, integer, redis_url, setting

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What limits callers, what they are shown, and what is kept."""

    session_idle_minutes: int = setting(
        integer(1, 1440), "After so long without a request a session of staff ends.", default=30
    )
    session_hours: int = setting(
        integer(1, 168), "After so long a session of staff ends, however much it is used.", default=12
    )
    emergency_access_minutes: int = setting(
        integer(5, 1440), "So long staff see a patient whom they opened outside of their caseload.", default=60
    )
    breached_passwords: str | None = setting(
        hash_file,
        "A file of SHA-1 digests of breached passwords, in order, a line each, as Pwned Passwords gives them: staff "
        "may choose none of these. No password is sent anywhere.",
        default=None,
    )
    rate_limit_store: str | None = setting(
        redis_url,
        "A Redis that counts requests for all web processes together; without it each counts for itself.",
        default=None,
        secret=True,
    )
    requests_a_minute: int = setting(
        integer(1, 1_000_000), "Most requests of one token in a minute; more are answered 429.", default=600
    )
    requests_a_minute_of_an_address: int = setting(
        integer(1, 10_000_000),
        "The same of one address (of IPv6: one /64), behind which a whole clinic may sit.",
        default=12_000,
    )
    max_body_bytes: int = setting(integer(1024, 64 * MEBIBYTE), "Largest request body.", default=2 * MEBIBYTE)
    max_import_bytes: int = setting(
        integer(1024, 256 * MEBIBYTE), "Largest caseload file over HTTP.", default=16 * MEBIBYTE
    )
    outcomes_smallest_group: int = setting(
        integer(2, 1000), "Of a group with fewer surgeries no outcome is shown.", default=20
    )
    outcomes_smallest_cell: int = setting(
        integer(1, 100), "In outcomes, a count above 0 and below this is not told as such.", default=5
    )
    expired_kept_days: int = setting(
        integer(1, 3650), "Days that codes and tokens are kept after they expired.", default=30
    )
    links_kept_days: int = setting(
        integer(1, 36_500), "Days that expired links of messages are kept, with what was said.", default=365
    )
    settled_kept_days: int = setting(
        integer(365, 36_500),
        "Days that conflicts of synchronisation and refused rows are kept once they are settled. Former versions and "
        "what is open stay for ever.",
        default=3650,
    )

    @property
    def kept_days(self) -> dict[str, int]:
        """How many days what is no record is kept: see `schedules.keeping.terms`."""
        return {"expired": self.expired_kept_days, "links": self.links_kept_days, "settled": self.settled_kept_days}
