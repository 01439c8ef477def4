"""What queries and answers of all adapters have."""

from typing import Any

from marshmallow import Schema, ValidationError, fields


class Cursor(fields.Integer):
    """The `timestamp` of the pull before; empty before the first."""

    def __init__(self, **options: Any) -> None:
        expected = "`timestamp` of the pull before, or nothing"
        super().__init__(metadata={"description": f"{expected}.", "expected": expected}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> int:
        if value in ("", "null"):
            return 0
        if not str(value).isdecimal() or len(str(value)) > 16:
            raise ValidationError("digits")
        return int(value)


class Outcomes(Schema):
    """How many rows of a push had each outcome, and how many values did not stand against others."""

    stored = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    reasserted = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    conflicts = fields.Integer(required=True)
