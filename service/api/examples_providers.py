"""Examples of the document: what providers tell, and what staff read of it."""

from typing import Any

SMS_STATUS = {
    "MessageSid": "SM0123456789abcdef0123456789abcdef",
    "MessageStatus": "undelivered",
    "ErrorCode": "30005",
}
SMS_INBOUND = {
    "MessageSid": "SM0123456789abcdef0123456789abcdef",
    "From": "+12125550123",
    "Body": "May I shower?",
}
MAIL_EVENTS: dict[str, Any] = {
    "events": [
        {
            "id": "0102018f-bounce-1",
            "type": "bounced",
            "message_id": "<31cf71eade7a1d400a1195bcc57a0898@clinic.example.org>",
            "at": "2026-04-15T09:12:44Z",
            "code": "5.1.1",
        }
    ]
}
INBOUND_MESSAGES: dict[str, Any] = {
    "items": [
        {
            "id": "5f0c4a4f0f7b7e0f9a5f2a53b9f6f0d7f5a7f0c2f8a6b1e0c9d8e7f6a5b4c3d2",
            "patient_id": "k7Qm2pXcV9sLwRtA",
            "received_at": "2026-04-15T09:12:44Z",
            "kind": "message",
            "text": "May I shower?",
        }
    ],
    "next": None,
}
