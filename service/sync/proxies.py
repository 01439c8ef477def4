"""What a proxy's device holds, and what it may write: the collections of the scopes that the patient consented to."""

from collections.abc import Mapping
from typing import Final

from models.proxy import ProxyScope
from service.identity.principal import Principal

_OF_EVERYBODY: Final = frozenset({"safety_cards", "episodes"})
_SEEN: Final[Mapping[ProxyScope, frozenset[str]]] = {
    ProxyScope.read_plan: frozenset({"surgeries", "milestones", "milestone_progress", "restrictions", "clearances"}),
    ProxyScope.report_check_ins: frozenset({"check_ins", "questionnaire_answers"}),
    ProxyScope.receive_messages: frozenset({"reminders"}),
}
_WRITTEN: Final[Mapping[ProxyScope, frozenset[str]]] = {
    ProxyScope.report_check_ins: frozenset({"check_ins", "questionnaire_answers"}),
}


def sees(caller: Principal, collection: str) -> bool:
    """Return whether a caller's device holds a collection at all. Which rows of it, is asked elsewhere."""
    if caller.proxy is None or collection in _OF_EVERYBODY:
        return True
    return any(collection in _SEEN[scope] for scope in caller.proxy.scopes)


def writes(caller: Principal, collection: str) -> bool:
    """Return whether a caller's device may write to a collection that devices write to."""
    return caller.proxy is None or any(collection in _WRITTEN.get(scope, ()) for scope in caller.proxy.scopes)
