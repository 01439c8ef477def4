"""Examples of the document: a made-up coordinator signs in. No secret here opens anything."""

from typing import Any

_CHALLENGE = "q0Jc3Yy2mXc8m1nqkq0oJm7gq8VQmV3mW1b5fJb3S5E"
_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 - an example
_RECOVERY_CODE = "7K3M-9QAT-X2VD-04BN"
SIGN_IN: dict[str, Any] = {
    "practice": "hudson",
    "email": "casey@example.org",
    "password": "violet ladder 94 otter",
}
NEW_PASSWORD: dict[str, Any] = {"code": "7k3m 9qat x2vd 04bn", "password": "violet ladder 94 otter"}
FIRST_STEP: dict[str, Any] = {
    "next": "second_factor",
    "challenge": _CHALLENGE,
    "expires_at": "2026-04-15T14:10:00Z",
}
CHALLENGE: dict[str, Any] = {"challenge": _CHALLENGE}
SECOND_FACTOR: dict[str, Any] = {"challenge": _CHALLENGE, "code": "492039"}
CONFIRM_AT_SIGN_IN: dict[str, Any] = {"challenge": _CHALLENGE, "code": "492039"}
AUTHENTICATOR: dict[str, Any] = {
    "secret": _SECRET,
    "uri": (
        f"otpauth://totp/Hudson%20Spine:casey%40example.org?digits=6&secret={_SECRET}"
        "&algorithm=SHA1&issuer=Hudson%20Spine&period=30"
    ),
}
SESSION_TOKEN: dict[str, Any] = {
    "token": "Zr0F6cNf1JmT2xq8yVb5oXw3uKp7sLd9aQe4hGi1RjE",
    "expires_at": "2026-04-16T02:00:00Z",
    "idle_minutes": 30,
    "staff_id": "01kp5v2m9xj8q4t6w0y3z7a1b2",
    "role": "coordinator",
}
RECOVERY_CODES: dict[str, Any] = {"recovery_codes": [_RECOVERY_CODE, "M4QX-0TZB-6HVS-91KD"]}
FIRST_SESSION: dict[str, Any] = SESSION_TOKEN | RECOVERY_CODES
STEP_UP: dict[str, Any] = {"code": "803117"}
STEPPED_UP: dict[str, Any] = {"fresh_until": "2026-04-15T15:10:00Z"}
PASSWORD: dict[str, Any] = {"old_password": "violet ladder 94 otter", "new_password": "seven quiet canoes at dawn"}
AUTHENTICATOR_CODE: dict[str, Any] = {"code": "517402"}
ENDED: dict[str, Any] = {"ended": 2}
SESSIONS: dict[str, Any] = {
    "items": [
        {
            "id": "01kpgqh3f7d2n5r8v1x4c6e9g0",
            "label": "Firefox",
            "made_at": "2026-04-15T14:00:00Z",
            "last_seen_at": "2026-04-15T14:52:00Z",
            "expires_at": "2026-04-16T02:00:00Z",
            "is_present": True,
        }
    ]
}
ACCOUNT: dict[str, Any] = {
    "id": "01kp5v2m9xj8q4t6w0y3z7a1b2",
    "display_name": "Casey Rivera",
    "email": "casey@example.org",
    "role": "coordinator",
    "practice": {"id": "01kp5v0c3d8h2m6r1w5a9e4j7n", "slug": "hudson", "name": "Hudson Spine"},
    "session_id": "01kpgqh3f7d2n5r8v1x4c6e9g0",
    "fresh_until": "2026-04-15T14:10:00Z",
    "has_password": True,
    "has_authenticator": True,
    "recovery_codes_left": 10,
}
PROVIDER: dict[str, Any] = {
    "issuer": "https://login.hudson.example.org",
    "client_id": "recovery",
    "redirect_uri": "https://recovery.example.org/clinic/sign-in/provider/answer",
}
PROVIDER_CHECK: dict[str, Any] = {"answers": True, "code": None}
NEW_PROVIDER: dict[str, Any] = {
    "issuer": "https://login.hudson.example.org",
    "client_id": "recovery",
    "client_secret": "an example, which opens nothing",
}
