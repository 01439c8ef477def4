"""What a protocol says otherwise than the shared files: texts, and the timing of reminders.

Shared content stays as it is; the protocol that overrides it gets its own copy. Knows no file and no clinic.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from schedules.plan.errors import describe
from schedules.plan.placeholders import placeholders_of, read_message_text
from schedules.plan.protocol import ReminderRules, ReminderTemplate, SilentKind, Text, TextCatalogue
from schedules.plan.toml_table import Table
from schedules.plan.vocabulary import Anchor, Grade, MilestoneKind, PastPolicy, ReminderCategory, WeekendRule

Override = Callable[[Table, ReminderTemplate], ReminderTemplate]


def override_texts(table: Table | None, texts: TextCatalogue) -> TextCatalogue:
    """Return the texts of plans with those of a protocol's `[texts]` in their place.

    Takes `milestones` (by kind) and `restrictions` (by text key) of the table. Raises ProtocolError for a text that no
    plan shows.
    """
    if table is None:
        return texts
    milestones, restrictions = table.optional_table("milestones"), table.optional_table("restrictions")
    return TextCatalogue(
        milestones=_with(milestones, texts.milestones, frozenset(MilestoneKind)),
        restrictions=_with(restrictions, texts.restrictions, frozenset()),
    )


def override_reminders(timing: Table | None, texts: Table | None, rules: ReminderRules) -> ReminderRules:
    """Return the reminders with the timing of a protocol's `[reminders]` and the texts of its `[texts]`.

    Takes `reminders` (by kind and key) and `without_reminder` (by kind) of the texts. Changed timing is grade E: no
    source is about it. Raises ProtocolError for a reminder that there is not.
    """
    told = texts.optional_table("reminders") if texts is not None else None
    silent_told = texts.optional_table("without_reminder") if texts is not None else None
    if timing is None and told is None and silent_told is None:
        return rules
    templates = _overridden(timing, rules.templates, _retimed)
    if timing is not None:
        _refuse_mixed_policies(timing, templates)
    templates = _overridden(told, templates, _reworded)
    return replace(rules, templates=templates, silent=_silent(silent_told, rules.silent))


def _with(table: Table | None, texts: Mapping[str, Text], also: frozenset[str]) -> dict[str, Text]:
    """Return `texts` with those of `table`, each of which is one of them or of `also`."""
    merged = dict(texts)
    if table is None:
        return merged
    for name, entry in table.named_tables():
        if name not in texts and name not in also:
            table.fail(name, "a text that a plan shows", describe(name))
        merged[name] = _read_text(entry)
    return merged


def _read_text(entry: Table) -> Text:
    text = Text(en=entry.text("en"), es=entry.text("es"))
    entry.finish()
    return text


def _overridden(
    table: Table | None, templates: tuple[ReminderTemplate, ...], override: Override
) -> tuple[ReminderTemplate, ...]:
    if table is None:
        return templates
    changed: dict[tuple[str, str], ReminderTemplate] = {}
    known = {(template.kind.value, template.key): template for template in templates}
    for kind, of_kind in table.named_tables():
        for key, entry in of_kind.named_tables():
            if (kind, key) not in known:
                of_kind.fail(key, "a reminder of the included file, by kind and key", describe(f"{kind}.{key}"))
            changed[kind, key] = override(entry, known[kind, key])
    return tuple(changed.get((template.kind.value, template.key), template) for template in templates)


def _reworded(entry: Table, template: ReminderTemplate) -> ReminderTemplate:
    text = read_message_text(entry, placeholders_of(template.kind))
    entry.finish()
    return replace(template, text=text)


def _retimed(entry: Table, template: ReminderTemplate) -> ReminderTemplate:
    anchor, days = entry.optional_word("anchor", Anchor), entry.optional_integer("days")
    useful_hours = entry.optional_integer("useful_hours")
    local_time = entry.clock_time("local_time") if "local_time" in entry.keys_left() else template.local_time
    if useful_hours is not None and useful_hours < 1:
        entry.fail("useful_hours", "at least one hour", str(useful_hours))
    changed = replace(
        template,
        anchor=anchor or template.anchor,
        days=template.days if days is None else days,
        local_time=local_time,
        useful_hours=useful_hours or template.useful_hours,
        weekend=entry.optional_word("weekend", WeekendRule) or template.weekend,
        past_policy=entry.optional_word("past_policy", PastPolicy) or template.past_policy,
        category=entry.optional_word("category", ReminderCategory) or template.category,
        grade=Grade.E,
    )
    entry.finish()
    return changed


def _refuse_mixed_policies(timing: Table, templates: tuple[ReminderTemplate, ...]) -> None:
    policies: dict[MilestoneKind, PastPolicy] = {}
    for each in templates:
        if policies.setdefault(each.kind, each.past_policy) is not each.past_policy:
            name = f"{each.kind}.{each.key}.past_policy"
            timing.fail(name, f"one past policy for kind {each.kind}", each.past_policy)


def _silent(table: Table | None, silent: tuple[SilentKind, ...]) -> tuple[SilentKind, ...]:
    if table is None:
        return silent
    texts: dict[str, Text] = {}
    for kind, entry in table.named_tables():
        if not any(each.kind == kind for each in silent):
            table.fail(kind, "a kind without a reminder", describe(kind))
        texts[kind] = read_message_text(entry, ())
        entry.finish()
    return tuple(replace(each, text=texts.get(each.kind, each.text)) for each in silent)
