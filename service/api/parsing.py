"""Turns request bodies and queries into what views take, or into faults with pointers. Unknown fields are refused."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from flask import Request
from marshmallow import RAISE, Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser

from service.api.strict_json import key_pointer, parse_object
from service.care.checks import is_storable
from service.errors import Fault, InvalidError, WrongTypeError, describe, describe_private

_CODE = re.compile(r"[a-z0-9_]{1,40}")
_DATELIKE = re.compile(r"[0-9TZ:+. -]{1,40}")
_SCHEMA_ERROR = "_schema"


class StrictParser(FlaskParser):
    """Parses bodies of JSON strictly and refuses what a schema does not name."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "json": RAISE}

    def load_json(self, req: Request, schema: Schema) -> Any:
        """Return the request's JSON object. Raises WrongTypeError for another content type."""
        require_type(req, "application/json")
        return parse_object(req.get_data(cache=True))

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, **_: Any) -> NoReturn:
        """Raise InvalidError with a fault for each thing that is wrong."""
        messages = error.normalized_messages()  # type: ignore[no-untyped-call]  # marshmallow leaves it untyped
        came = parse_object(req.get_data(cache=True))
        raise InvalidError(*_faults(messages.get("json", messages), came, schema.fields, ""))


def load_query(req: Request, schema: Schema) -> Any:
    """Return what a query says. Raises InvalidError for what the schema does not take, also a parameter given twice."""
    came = req.args.to_dict()
    faults = [
        Fault(key_pointer("", key), "text without NUL", "text with it") for key in came if not is_storable(came[key])
    ]
    if sum(map(len, req.args.listvalues())) > len(came):
        twice = (key for key, values in req.args.lists() if len(values) > 1)
        faults = [Fault(key_pointer("", key), "the parameter once", "several times") for key in twice] + faults
    if faults:
        raise InvalidError(*faults)
    try:
        return schema.load(came, unknown=RAISE)
    except ValidationError as error:
        raise InvalidError(*_faults(error.normalized_messages(), came, schema.fields, "")) from None  # type: ignore[no-untyped-call]


def load_form(schema: Schema, came: Mapping[str, Any]) -> Any:
    """Return what a page's form says, by the rules of the API's body. Raises InvalidError."""
    try:
        return schema.load(came)
    except ValidationError as error:
        raise InvalidError(*_faults(error.normalized_messages(), came, schema.fields, "")) from None  # type: ignore[no-untyped-call]


def require_type(req: Request, wanted: str) -> None:
    """Raise WrongTypeError unless the body's content type is `wanted`, in UTF-8."""
    charset = req.mimetype_params.get("charset", "utf-8").lower()
    if req.mimetype != wanted or charset not in ("utf-8", "utf8"):
        raise WrongTypeError(Fault("", f"Content-Type: {wanted}", "another type or none"))


def _faults(
    messages: Mapping[Any, Any], came: Any, known: Mapping[str, fields.Field[Any]], parent: str
) -> Iterator[Fault]:
    for key, inner in messages.items():
        field = known.get(key)
        pointer = parent if key == _SCHEMA_ERROR else key_pointer(parent, key)
        value = came.get(key) if isinstance(came, Mapping) else None
        if key == _SCHEMA_ERROR:
            yield Fault(pointer, "; ".join(map(str, inner)), "something else")
        elif field is None:
            yield Fault(pointer, "no such field", describe_private(value))
        elif isinstance(field, fields.List) and isinstance(inner, Mapping) and isinstance(value, list):
            for index, of_item in inner.items():
                yield from _field_faults(field.inner, of_item, value[index], f"{pointer}/{index}")
        else:
            given = isinstance(came, Mapping) and key in came
            yield from _field_faults(field, inner, value, pointer, given=given)


def _field_faults(
    field: fields.Field[Any], messages: Any, value: object, pointer: str, *, given: bool = True
) -> Iterator[Fault]:
    if isinstance(field, fields.Nested) and isinstance(messages, Mapping) and isinstance(value, Mapping):
        yield from _faults(messages, value, field.schema.fields, pointer)
    else:
        yield _fault(pointer, field, value, given=given)


def _fault(pointer: str, field: fields.Field[Any], value: object, *, given: bool = True) -> Fault:
    expected = str(field.metadata.get("expected", "another value"))
    return Fault(pointer, expected, _got(field, value) if given else "nothing")


def _got(field: fields.Field[Any], value: object) -> str:
    """Return what came: a code, a number or a date as it is, unless the field is private; else type and length."""
    if value is None:
        return "null"
    if field.metadata.get("private", False):
        return describe_private(value) if isinstance(value, str | list) else type(value).__name__
    if isinstance(value, str):
        form = _CODE if isinstance(field, fields.Enum) else _DATELIKE
        return value if form.fullmatch(value) else describe_private(value)
    return describe(value)
