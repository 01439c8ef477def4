"""What changed from one protocol version to another, in words. Knows no clinic, no patient and no file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schedules.plan.limit_changes import Change, Matter, evidence_changes, lifting_changes, other_limit_changes
from schedules.plan.protocol import MilestoneTemplate, Protocol, ReminderTemplate, Text

_RE_DATES = frozenset({Matter.days, Matter.limits, Matter.messages})


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """All changes from `older` to `newer`, each as `id@version`, in the order of a protocol."""

    older: str
    newer: str
    changes: tuple[Change, ...]

    @property
    def redates(self) -> bool:
        """Return whether a plan or a message could get another day, time or limit by it. Texts and grades never do."""
        return any(change.matter in _RE_DATES for change in self.changes)


def diff_versions(older: Protocol, newer: Protocol) -> VersionDiff:
    """Return what changed from `older` to `newer`, of one protocol or of two."""
    changes = (
        *_head_changes(older, newer),
        *_milestone_changes(older.milestones, newer.milestones),
        *lifting_changes(older.lifting, newer.lifting),
        *other_limit_changes(older, newer),
        *_imaging_changes(older, newer),
        *_reminder_changes(older, newer),
        *_text_changes(older, newer),
    )
    return VersionDiff(_name(older), _name(newer), changes)


def _name(protocol: Protocol) -> str:
    return f"{protocol.id}@{protocol.version}"


def _head_changes(older: Protocol, newer: Protocol) -> Iterator[Change]:
    if older.title != newer.title:
        yield Change("title", Matter.texts, f"title: {older.title} -> {newer.title}")
    pairs = (
        ("procedure", older.procedure, newer.procedure),
        ("class", older.approach_class or "none", newer.approach_class or "none"),
        ("approaches", ", ".join(older.approaches), ", ".join(newer.approaches)),
        ("levels", _levels(older), _levels(newer)),
    )
    for where, before, after in pairs:
        if before != after:
            yield Change(where, Matter.serves, f"{where}: {before} -> {after}")


def _levels(protocol: Protocol) -> str:
    return (
        f"{protocol.min_levels} or more"
        if protocol.max_levels is None
        else _span(protocol.min_levels, protocol.max_levels)
    )


def _span(first: int | None, last: int | None) -> str:
    return f"{_day(first)}-{_day(last)}"


def _day(day: int | None) -> str:
    return "open" if day is None else str(day)


def _milestone_changes(older: tuple[MilestoneTemplate, ...], newer: tuple[MilestoneTemplate, ...]) -> Iterator[Change]:
    before, after = {each.key: each for each in older}, {each.key: each for each in newer}
    for key in dict.fromkeys((*before, *after)):
        where = f"milestones.{key}"
        if key not in after:
            yield Change(where, Matter.days, f"{key}: left out, was {_window_words(before[key])}")
        elif key not in before:
            yield Change(
                where, Matter.days, f"{key}: new, {_window_words(after[key])}, grade {after[key].grade or 'none'}"
            )
        else:
            yield from _template_changes(where, before[key], after[key])


def _template_changes(where: str, before: MilestoneTemplate, after: MilestoneTemplate) -> Iterator[Change]:
    days, evidence = _window_change(before, after), evidence_changes(before, after)
    if before.kind is not after.kind:
        yield Change(where, Matter.days, f"{after.key}: kind {before.kind} -> {after.kind}")
    if days:
        yield Change(where, Matter.days, f"{after.key}: " + ", ".join((days, *evidence)))
    elif evidence:
        yield Change(where, Matter.evidence, f"{after.key}: " + ", ".join(evidence))
    if before.note != after.note:
        yield Change(where, Matter.texts, f"{after.key}: {_note_words(before.note, after.note)}")


def _window_change(before: MilestoneTemplate, after: MilestoneTemplate) -> str | None:
    windows = [(each.earliest_days, each.target_days, each.latest_days) for each in (before, after)]
    if windows[0] == windows[1]:
        return None
    if None in (before.earliest_days, after.earliest_days):
        return f"{_window_words(before)} -> {_window_words(after)}"
    spans = [_span(each.earliest_days, each.latest_days) for each in (before, after)]
    span = f"window {spans[0]} -> {spans[1]}" if spans[0] != spans[1] else f"window {spans[1]}"
    if before.target_days == after.target_days:
        return f"{span} (target {_day(after.target_days)})"
    return f"target {_day(before.target_days)} -> {_day(after.target_days)} ({span})"


def _window_words(template: MilestoneTemplate) -> str:
    if template.earliest_days is None:
        return "dated by a clinician"
    return f"target {_day(template.target_days)} (window {_span(template.earliest_days, template.latest_days)})"


def _note_words(before: str | None, after: str | None) -> str:
    if before is None:
        return "a note is new"
    return "the note is left out" if after is None else "the note reads otherwise"


def _imaging_changes(older: Protocol, newer: Protocol) -> Iterator[Change]:
    if older.optional_imaging != newer.optional_imaging:
        counts = f"{len(older.optional_imaging)} -> {len(newer.optional_imaging)} entries"
        yield Change("imaging.optional", Matter.texts, f"imaging that is never scheduled: {counts}")


def _reminder_changes(older: Protocol, newer: Protocol) -> Iterator[Change]:
    before = {(each.kind.value, each.key): each for each in older.reminders.templates}
    after = {(each.kind.value, each.key): each for each in newer.reminders.templates}
    for kind, key in dict.fromkeys((*before, *after)):
        where, name = f"reminders.{kind}.{key}", f"reminder {kind} {key}"
        old, new = before.get((kind, key)), after.get((kind, key))
        if old is None or new is None:
            yield Change(where, Matter.messages, f"{name}: {'new' if old is None else 'left out'}")
            continue
        timing = _timing_words(old, new)
        if timing:
            yield Change(where, Matter.messages, f"{name}: {timing}")
        yield from _text_change(f"texts.{where}", name, old.text, new.text)


def _timing_words(old: ReminderTemplate, new: ReminderTemplate) -> str:
    names = ("anchor", "days", "local_time", "useful_hours", "weekend", "past_policy", "category")
    return ", ".join(
        f"{name} {getattr(old, name)} -> {getattr(new, name)}"
        for name in names
        if getattr(old, name) != getattr(new, name)
    )


def _text_changes(older: Protocol, newer: Protocol) -> Iterator[Change]:
    silent = [{each.kind.value: each.text for each in one.reminders.silent} for one in (older, newer)]
    groups: tuple[tuple[str, Mapping[str, Text], Mapping[str, Text]], ...] = (
        ("milestones", older.texts.milestones, newer.texts.milestones),
        ("restrictions", older.texts.restrictions, newer.texts.restrictions),
        ("without_reminder", silent[0], silent[1]),
    )
    for group, before, after in groups:
        for name in dict.fromkeys((*before, *after)):
            yield from _text_change(f"texts.{group}.{name}", f"text of {name}", before.get(name), after.get(name))


def _text_change(where: str, name: str, before: Text | None, after: Text | None) -> Iterator[Change]:
    if before == after:
        return
    if before is None or after is None:
        words = "new" if before is None else "left out"
    else:
        changed = [
            word for word, same in (("English", before.en == after.en), ("Spanish", before.es == after.es)) if not same
        ]
        words = f"reads otherwise ({' and '.join(changed)})"
    yield Change(where, Matter.texts, f"{name}: {words}")
