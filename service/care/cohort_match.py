"""What a patient's rows mean beside what is stored: new, the same, or different. Pure: decides, stores nothing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from models import Episode, Patient, Surgery
from service.care.cohort_rows import PATIENT_COLUMNS, SURGERY_FIELDS, CohortRow
from service.care.enrol import changes


@dataclass(frozen=True, slots=True)
class StoredPatient:
    """What is stored of one patient: episodes by label, surgeries by episode id. Nothing, for a new one."""

    patient: Patient | None = None
    episodes: Mapping[str, Episode] = field(default_factory=dict)
    surgeries: Mapping[str, tuple[Surgery, ...]] = field(default_factory=dict)

    def surgeries_of(self, label: str) -> tuple[Surgery, ...]:
        """Return the stored surgeries of the episode with that label."""
        episode = self.episodes.get(label)
        return () if episode is None else self.surgeries.get(episode.id, ())


@dataclass(frozen=True, slots=True)
class Match:
    """A row beside the stored surgery that it tells of, if there is one, and the columns in which they differ."""

    row: CohortRow
    surgery: Surgery | None
    differing: tuple[str, ...]

    @property
    def is_new(self) -> bool:
        """Return whether the row is to be loaded."""
        return self.surgery is None and not self.differing


def match_rows(rows: Iterable[CohortRow], stored: StoredPatient) -> list[Match]:
    """Return each row of one patient with its match, in the file's order.

    A row is a stored surgery of its episode if procedure and day are the same; what is left over of one procedure is
    matched in the order of days, as a changed day. A row that disagrees with the stored patient or episode is not new:
    it may be another person's.
    """
    by_episode: defaultdict[str, list[CohortRow]] = defaultdict(list)
    for row in rows:
        by_episode[row.episode].append(row)
    matches = [
        Match(row, surgery, _differing(row, stored, surgery))
        for label, group in by_episode.items()
        for row, surgery in _pairs(group, stored.surgeries_of(label))
    ]
    return sorted(matches, key=lambda match: match.row.line)


def in_stage_order(matches: Iterable[Match]) -> list[Match]:
    """Return an episode's matches in the order of their stages: by day, then as in the file; no day comes last."""
    return sorted(matches, key=lambda match: (match.row.surgery.surgery_on or date.max, match.row.line))


def _pairs(rows: list[CohortRow], surgeries: tuple[Surgery, ...]) -> list[tuple[CohortRow, Surgery | None]]:
    left = {(surgery.procedure, surgery.surgery_on, surgery.id): surgery for surgery in surgeries}
    paired: dict[int, Surgery | None] = {}
    for row in rows:
        wanted = (row.surgery.procedure, row.surgery.surgery_on)
        key = next((key for key in left if key[:2] == wanted), None)
        if key is not None:
            paired[row.line] = left.pop(key)
    rest = sorted(left.values(), key=lambda surgery: (surgery.surgery_on or date.max, surgery.stage))
    for row in sorted(rows, key=lambda row: (row.surgery.surgery_on or date.max, row.line)):
        if row.line not in paired:
            other = next((each for each in rest if each.procedure == row.surgery.procedure), None)
            paired[row.line] = other
            rest = [each for each in rest if each is not other]
    return [(row, paired[row.line]) for row in rows]


def _differing(row: CohortRow, stored: StoredPatient, surgery: Surgery | None) -> tuple[str, ...]:
    """Return the columns in which the row differs from what is stored; what the file does not tell is not compared."""
    columns: list[str] = []
    if stored.patient is not None:
        columns += [name for name in changes(stored.patient, row.patient) if name in PATIENT_COLUMNS]
    episode = stored.episodes.get(row.episode)
    if episode is not None and episode.workers_comp != row.workers_comp:
        columns.append("workers_comp")
    if surgery is not None:
        changed = changes(surgery, row.surgery)
        columns += [column for column, name in SURGERY_FIELDS.items() if name in changed]
    return tuple(columns)
