"""The examples of the document for clearances fit their schemas, and name every field of an answer."""

from typing import Any

import pytest
from marshmallow import Schema, fields

from service.api import examples_clearances as examples
from service.api.clearance_rules import RuleBody, RuleView
from service.api.clearances import ClearanceAnswer, ClearBody, RevokeBody
from service.api.limits import EpisodeLimitsView, PatientLimitsView
from service.api.observations import ObservationBody, ObservationView


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (ClearBody, examples.CLEAR),
        (RevokeBody, examples.REVOKE),
        (RuleBody, examples.RULE),
        (ObservationBody, examples.OBSERVATION),
    ],
)
def test_a_body_is_taken(schema: type[Schema], example: dict[str, Any]) -> None:
    assert schema().validate(example) == {}


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        (ClearanceAnswer, examples.CLEARANCE),
        (ClearanceAnswer, examples.CLEARANCE_REVOKED),
        (EpisodeLimitsView, examples.EPISODE_LIMITS),
        (PatientLimitsView, examples.PATIENT_LIMITS),
        (ObservationView, examples.OBSERVATION_ANSWER),
        (RuleView, examples.RULE_ANSWER),
        (RuleView, examples.RULE_RETIRED),
    ],
)
def test_an_answer_names_every_field(schema: type[Schema], example: dict[str, Any]) -> None:
    assert_shape(schema(), example)


def assert_shape(schema: Schema, example: dict[str, Any]) -> None:
    assert example.keys() == schema.fields.keys()
    for name, field in schema.fields.items():
        nested = field.inner if isinstance(field, fields.List) else field
        if isinstance(nested, fields.Nested) and example[name] is not None:
            for each in example[name] if isinstance(field, fields.List) else [example[name]]:
                assert_shape(nested.schema, each)
