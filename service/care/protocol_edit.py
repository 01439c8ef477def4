"""Edits of single values in the TOML of a clinic's draft. The parser judges the result; this only writes it.

A figure that is changed without naming sources of its own loses those it had and becomes grade E: they were about
another figure.
"""

import tomllib
from collections.abc import Mapping
from typing import Any

from schedules.plan.vocabulary import Grade
from service.care.toml_text import write_over

_DAYS = ("earliest", "target", "latest")
_PHASE = ("from", "through", "limit_lb", "condition")
_Values = dict[str, Any]


def edit_toml(toml: str, edits: Mapping[str, Any]) -> str:
    """Return the TOML with `edits` in it; every line that no edit concerns stays as it is, comments too.

    `edits` has the layout of the file: `title`, `milestones`, `lifting`, `texts`, `reminders`. What is not named stays,
    None takes an entry out, `lifting.phases` are replaced whole.
    """
    values = tomllib.loads(toml)
    rest = {name: edit for name, edit in edits.items() if name not in ("milestones", "lifting")}
    edited = _merged(values, rest)
    if edits.get("milestones"):
        edited["milestones"] = _edit_milestones(edited.get("milestones", {}), edits["milestones"])
    if edits.get("lifting"):
        edited["lifting"] = _edit_lifting(edited.get("lifting", {}), edits["lifting"])
    return toml if edited == values else write_over(toml, edited)


def _merged(values: Mapping[str, Any], edits: Mapping[str, Any]) -> _Values:
    merged = dict(values)
    for name, edit in edits.items():
        if edit is None:
            merged.pop(name, None)
        elif isinstance(edit, Mapping):
            stored = merged.get(name)
            merged[name] = _merged(stored if isinstance(stored, dict) else {}, edit)
        else:
            merged[name] = edit
    return {name: value for name, value in merged.items() if value != {} or values.get(name) == {}}


def _edit_milestones(milestones: _Values, edits: Mapping[str, Any]) -> _Values:
    edited = dict(milestones)
    for key, edit in edits.items():
        if edit is None:
            edited.pop(key, None)
        else:
            edited[key] = _graded(edited.get(key, {}), edit, _DAYS)
    return edited


def _edit_lifting(lifting: _Values, edits: Mapping[str, Any]) -> _Values:
    rest = {name: edit for name, edit in edits.items() if name != "phases"}
    edited = _merged(lifting, rest)
    if edits.get("phases") is not None:
        stored = {tuple(each.get(name) for name in _PHASE): each for each in lifting.get("phases", [])}
        edited["phases"] = [
            _graded(stored.get(tuple(each.get(name) for name in _PHASE), {}), each, _PHASE) for each in edits["phases"]
        ]
    return edited


def _graded(stored: _Values, edit: Mapping[str, Any], figures: tuple[str, ...]) -> _Values:
    """Return a figure with its edit; grade E without sources if its days or pounds change and none are named."""
    edited = _merged(stored, edit)
    changed = any(edited.get(name) != stored.get(name) for name in figures)
    if changed and "sources" not in edit:
        edited.pop("sources", None)
        if any(edited.get(name) is not None for name in figures):
            edited["grade"] = edit.get("grade") or Grade.E.value
    return edited
