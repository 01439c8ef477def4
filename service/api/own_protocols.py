"""A clinic's own protocols: copied, uploaded as TOML or edited by value, reviewed, signed, released, retired."""

from typing import Any

from flask import Response, request

from schedules.plan.library import own_file
from service.api import examples_protocols as examples
from service.api.etags import refuse_match_of_nothing, require_tag
from service.api.parsing import require_type
from service.api.protocol_bodies import CopyBody, FindingList, NothingBody, ProtocolEdit, SignBody, edits_of
from service.api.protocols import ProtocolSummary, summary
from service.api.resource import Resource
from service.api.scope import caller, now, scope
from service.care.own_protocols import amend_draft, copy_protocol, put_draft, text_of
from service.care.protocol_states import release_version, retire_version, review_version, sign_version
from service.care.protocol_view import view_version
from service.db import current_session
from service.errors import Fault, InvalidError, WrongTypeError

own_protocols = Resource("own protocols", "A clinic's own protocol versions: draft, signed, released, retired.")
TOML = "application/toml"
_VERSION = "/protocols/<id:protocol_id>/versions/<version:version>"
_TOML_BODY = {"schema": {"type": "string"}, "example": examples.TOML}


@own_protocols.post("/protocols/<id:protocol_id>/copies")
@own_protocols.arguments(CopyBody, example=examples.COPY)
@own_protocols.response(201, ProtocolSummary, example=examples.DRAFT)
def copy_a_protocol(body: dict[str, Any], protocol_id: str) -> Any:
    """Copy a version, one that ships or the clinic's own, to a draft of the clinic: the next version of the own id."""
    session = current_session()
    row = copy_protocol(session, caller(), protocol_id, version=body["version"], own_id=body.get("id"), now=now())
    return _answer(row.protocol_id, row.version, 201)


@own_protocols.get(f"{_VERSION}.toml")
@own_protocols.response(200, content_type=TOML, description="The text, to edit and send back.")
def get_protocol_toml(protocol_id: str, version: int) -> Any:
    """Return a version as TOML, the text that the parser reads."""
    view = view_version(current_session(), caller(), protocol_id, version)
    toml = text_of(current_session(), caller().practice_id, protocol_id, version)
    response = Response(toml, content_type=f"{TOML}; charset=utf-8")
    response.set_etag(view.tag)
    response.headers["Content-Disposition"] = f'attachment; filename="{own_file(protocol_id, version)}"'
    return response


@own_protocols.put(_VERSION)
@own_protocols.tagged(200, 201, needs_match=True)
@own_protocols.response(200, ProtocolSummary, example=examples.DRAFT)
@own_protocols.alt_response(201, schema=ProtocolSummary, success=True)
@own_protocols.doc(requestBody={"required": True, "content": {TOML: _TOML_BODY, "text/toml": _TOML_BODY}})
def store_protocol(protocol_id: str, version: int) -> Any:
    """Store a draft of the clinic as TOML. The parser that reads what ships says what is wrong, by file and key."""
    toml = _toml_body()
    _, is_new = put_draft(current_session(), caller(), protocol_id, version, toml, now=now(), require_tag=require_tag)
    if is_new:
        refuse_match_of_nothing()
    return _answer(protocol_id, version, 201 if is_new else 200)


@own_protocols.patch(_VERSION)
@own_protocols.tagged(200, needs_match=True)
@own_protocols.arguments(ProtocolEdit, example=examples.EDIT)
@own_protocols.response(200, ProtocolSummary, example=examples.DRAFT)
def amend_protocol(body: dict[str, Any], protocol_id: str, version: int) -> Any:
    """Change values of a draft. A changed figure without sources of its own becomes grade E."""
    amend_draft(current_session(), caller(), protocol_id, version, edits_of(body), require_tag=require_tag)
    return _answer(protocol_id, version)


@own_protocols.get(f"{_VERSION}/findings")
@own_protocols.response(200, FindingList, example=examples.FINDINGS)
def get_findings(protocol_id: str, version: int) -> Any:
    """Say what stands against a version: errors block, warnings wait for the signer's acknowledgement."""
    return {"items": review_version(current_session(), caller(), protocol_id, version)}


@own_protocols.post(f"{_VERSION}/sign")
@own_protocols.tagged(200, needs_match=True)
@own_protocols.arguments(SignBody, example=examples.SIGN)
@own_protocols.response(200, ProtocolSummary, example=examples.SIGNED)
def sign_protocol(body: dict[str, Any], protocol_id: str, version: int) -> Any:
    """Sign exactly this content in your name, a clinician's: a draft of the clinic, or a version that ships."""
    scope().about["acknowledged"] = body["acknowledged"]
    acknowledged = frozenset(body["acknowledged"])
    sign_version(
        current_session(),
        caller(),
        protocol_id,
        version,
        acknowledged=acknowledged,
        now=now(),
        require_tag=require_tag,
    )
    return _answer(protocol_id, version)


@own_protocols.post(f"{_VERSION}/release")
@own_protocols.tagged(200, needs_match=True)
@own_protocols.arguments(NothingBody, example={})
@own_protocols.response(200, ProtocolSummary, example=examples.RELEASED)
def release_protocol(_body: dict[str, Any], protocol_id: str, version: int) -> Any:
    """Offer a signed version for new surgeries. Nobody who is enrolled moves to it by itself."""
    release_version(current_session(), caller(), protocol_id, version, now=now(), require_tag=require_tag)
    return _answer(protocol_id, version)


@own_protocols.post(f"{_VERSION}/retire")
@own_protocols.tagged(200, needs_match=True)
@own_protocols.arguments(NothingBody, example={})
@own_protocols.response(200, ProtocolSummary, example=examples.RETIRED)
def retire_protocol(_body: dict[str, Any], protocol_id: str, version: int) -> Any:
    """Offer a version no longer. Who was enrolled under it stays under it."""
    retire_version(current_session(), caller(), protocol_id, version, now=now(), require_tag=require_tag)
    return _answer(protocol_id, version)


def _toml_body() -> str:
    try:
        require_type(request, TOML)
    except WrongTypeError:
        require_type(request, "text/toml")
    try:
        return request.get_data(cache=True).decode()
    except UnicodeDecodeError:
        raise InvalidError(Fault("", "text in UTF-8", "bytes that are not")) from None


def _answer(protocol_id: str, version: int, status: int = 200) -> tuple[dict[str, Any], int, dict[str, str]]:
    scope().about["protocol"] = f"{protocol_id}@{version}"
    current_session().flush()
    view = view_version(current_session(), caller(), protocol_id, version)
    return summary(view), status, {"ETag": f'"{view.tag}"'}
