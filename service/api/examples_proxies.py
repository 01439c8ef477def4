"""Examples of the document: a made-up patient lets their partner look after them."""

from typing import Any

PROXY_BODY: dict[str, Any] = {
    "name": "Sam Whitfield",
    "relationship": "partner",
    "scopes": ["read_plan", "report_check_ins"],
    "given_how": "in_person",
    "given_on": "2026-04-22",
    "through_on": "2026-10-22",
}
_PROXY: dict[str, Any] = {name: value for name, value in PROXY_BODY.items() if name != "through_on"} | {
    "id": "01kprw5h2m7p1r0x3y5c7o9n1s",
    "patient_id": "k7Qm2pXcV9sLwRtA",
    "recorded_by": "demo-coordinator",
    "recorded_at": "2026-04-22T13:01:14Z",
    "ends_at": "2026-10-23T04:00:00Z",
    "ended_at": None,
    "ended_how": None,
}
PROXY_CODE: dict[str, Any] = {
    "proxy": _PROXY,
    "code": "7K3M-9QAT-X2VD",
    "code_expires_at": "2026-04-23T13:01:14Z",
}
PROXIES: dict[str, Any] = {"items": [_PROXY]}
ENDED_PROXY: dict[str, Any] = _PROXY | {"ended_at": "2026-05-02T08:30:00Z", "ended_how": "by_patient"}
