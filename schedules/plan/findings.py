"""A finding about a protocol version: what it is, where, and whether it blocks. Judges nothing itself."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error blocks a signature and a release; a warning waits for the signer's acknowledgement."""

    error = "error"
    warning = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found. `where` is a path into the protocol; `expected` and `got` are for people."""

    code: str
    severity: Severity
    where: str
    expected: str
    got: str

    @property
    def id(self) -> str:
        """Return what an acknowledgement names."""
        return f"{self.code}:{self.where}"


def error(code: str, where: str, expected: str, got: str) -> Finding:
    """Return a finding that blocks."""
    return Finding(code, Severity.error, where, expected, got)


def warning(code: str, where: str, expected: str, got: str) -> Finding:
    """Return a finding that the signer acknowledges."""
    return Finding(code, Severity.warning, where, expected, got)
