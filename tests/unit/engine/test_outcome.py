"""What an answer means is said by the operation's rules alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from router.core.outcome import Outcome
from router.core.ports import Answer
from router.engine.outcome import classify

WRITE = """
post:
  accept: thing@1
  request: {ask: /things, answer: receipt@1}
  idempotency: {kind: none}
  outcome:
    - {if: "=status == `429` || status == `503`", is: retry}
    - {if: "=body.error == 'closed'", is: refused, code: period_closed}
    - {if: =body.error, is: refused, code: =body.error}
    - {if: "=status == `200`", is: done, reference: =body.number}
    - {otherwise: unknown}
"""
READ = """
get:
  arguments: [id]
  returns: thing@1
  request: {ask: "/things/{id}"}
  outcome:
    - {if: "=status == `404`", is: refused, code: not_found}
    - {if: "=status == `200`", is: done, result: =body.thing}
    - {otherwise: retry}
"""


@pytest.fixture
def post(workshop: Any) -> Any:
    """An operation with an effect, whose good answer has a contract."""
    workshop.contract("thing", {"type": "object", "required": ["id"]})
    workshop.contract("receipt", {"type": "object", "required": ["number"]})
    return workshop.system(WRITE).operations["post"]


@pytest.fixture
def get(workshop: Any) -> Any:
    """An operation that only reads."""
    workshop.contract("thing", {"type": "object", "required": ["id"]})
    return workshop.system(READ).operations["get"]


@pytest.mark.parametrize(
    ("status", "body", "word", "code"),
    [
        (429, None, "retry", ""),
        (503, {"error": "closed"}, "retry", ""),
        # many systems refuse with 200: the first rule that matches wins, not the status
        (200, {"error": "closed", "number": "1"}, "refused", "period_closed"),
        (200, {"error": "E7"}, "refused", "E7"),
        (400, {"error": 12}, "refused", "12"),
        (200, {"error": "", "number": "4711"}, "done", ""),
        (302, None, "unknown", ""),
        (404, {}, "unknown", ""),
        (201, {"number": "1"}, "unknown", ""),
    ],
)
def test_the_first_rule_that_matches_wins(
    post: Any, noon: datetime, status: int, body: Any, word: str, code: str
) -> None:
    outcome = classify(post, Answer(status=status, body=body), {}, noon)
    assert (outcome.word, outcome.code) == (word, code)
    assert str(status) in outcome.detail


def test_done_brings_reference_and_result(post: Any, get: Any, noon: datetime) -> None:
    assert classify(post, Answer(status=200, body={"number": 17}), {}, noon) == Outcome(
        word="done", detail="status 200", reference="17", result={"number": 17}
    )
    read = Answer(status=200, body={"thing": {"id": 1}, "more": True})
    assert classify(get, read, {}, noon).result == {"id": 1}


@pytest.mark.parametrize(
    "body", [None, {}, {"number": None}, [], "<html>", {"thing": {}}, {"thing": None}]
)
def test_done_is_not_believed_when_the_answer_breaks_its_contract(
    post: Any, get: Any, noon: datetime, body: Any
) -> None:
    if not isinstance(body, dict) or "number" not in body:
        # the effect may exist: it has to be looked up
        assert classify(post, Answer(status=200, body=body), {}, noon).word == "unknown"
    # a read can simply be asked again
    assert classify(get, Answer(status=200, body=body), {}, noon).word == "retry"


def test_a_rule_that_cannot_be_evaluated_makes_the_effect_unknown(
    workshop: Any, noon: datetime
) -> None:
    workshop.contract("thing")
    system = workshop.system(
        """
        post:
          accept: thing@1
          request: {ask: /things}
          idempotency: {kind: none}
          outcome:
            - {if: "=starts_with(body.text, 'ok')", is: done}
            - {otherwise: refused}
        """
    )
    outcome = classify(
        system.operations["post"], Answer(status=200, body={"text": 1234567}), {}, noon
    )
    assert outcome.word == "unknown"
    assert "1234567" not in outcome.detail


def test_rules_see_headers_and_environment(workshop: Any, noon: datetime) -> None:
    workshop.contract("thing")
    system = workshop.system(
        """
        post:
          accept: thing@1
          request: {ask: /things}
          idempotency: {kind: none}
          outcome:
            - {if: "=headers.\\"x-result\\" == env.good", is: done}
            - {otherwise: unknown}
        """
    )
    post = system.operations["post"]
    answer = Answer(status=200, headers={"x-result": "fine"})
    assert classify(post, answer, {"good": "fine"}, noon).word == "done"
    assert classify(post, answer, {"good": "other"}, noon).word == "unknown"


def test_a_retry_brings_the_wish_of_the_far_side(post: Any, noon: datetime) -> None:
    answer = Answer(status=503, headers={"retry-after": "120"})
    assert classify(post, answer, {}, noon).after == timedelta(minutes=2)
    assert classify(post, Answer(status=503), {}, noon).after is None


@pytest.mark.parametrize(
    "text",
    [
        "1" * 400,
        "Fri, 31 Dec 99999999999999999999 23:59:59 GMT",
        "Wed, 01 Jan 2025 01:00:00 -99999999999999",
        "Wed, 01 Jan 2025 01:00:00 -2459",
        "Mon, 01 Jan 0001 00:00:00 +2300",
        "Fri, 31 Dec 9999 23:59:59 -2300",
    ],
)
def test_no_header_can_stop_the_classification(post: Any, noon: datetime, text: str) -> None:
    # an answer that says done must be taken as done whatever nonsense stands beside it
    answer = Answer(status=200, headers={"retry-after": text}, body={"number": "1"})
    assert classify(post, answer, {}, noon).word == "done"


SAYS_IT = """
post:
  accept: thing@1
  request: {ask: /things}
  idempotency: {kind: key, header: idempotency-key}
  outcome:
    - {if: "=status == `200`", is: done}
    - {if: "=status == `429`", is: retry, after: "=headers.\\"x-ratelimit-reset\\""}
    - {if: "=status == `503`", is: retry, after: "=join_text([headers.ms, 'ms'], '')"}
    - {if: "=status == `420`", is: retry, after: "=epoch(body.reset, 's')"}
    - {if: "=status == `409`", is: retry, after: =body.retry_in}
    - {if: "=status == `423`", is: retry, after: 45s}
    - {otherwise: retry, after: 7}
"""


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {"x-ratelimit-reset": "17"}, None, 17),
        (429, {"x-ratelimit-reset": "2025-03-14T12:01:00Z"}, None, 60),
        # what the rule says has the word, even when it says not to wait
        (429, {"x-ratelimit-reset": "17", "retry-after": "300"}, None, 17),
        (429, {"x-ratelimit-reset": "0", "retry-after": "300"}, None, 0),
        # what it cannot say is said by Retry-After
        (429, {"retry-after": "300"}, None, 300),
        (429, {"x-ratelimit-reset": "soon", "retry-after": "300"}, None, 300),
        (429, {}, None, None),
        (503, {"ms": "1500"}, None, 1.5),
        (420, {}, {"reset": "1741953900"}, 300),
        # a rule that cannot be evaluated does not change what the answer means
        (420, {"retry-after": "300"}, {"reset": "never"}, 300),
        (420, {}, None, None),
        (409, {}, {"retry_in": 2.5}, 2.5),
        (409, {}, {"retry_in": "2m"}, 120),
        (409, {}, {"retry_in": {"seconds": 5}}, None),
        (423, {"retry-after": "300"}, None, 45),
        (500, {}, None, 7),
    ],
)
def test_a_rule_says_where_the_wish_stands(
    workshop: Any, noon: datetime, status: int, headers: Any, body: Any, seconds: float | None
) -> None:
    workshop.contract("thing")
    post = workshop.system(SAYS_IT).operations["post"]
    outcome = classify(post, Answer(status=status, headers=headers, body=body), {}, noon)
    assert outcome.word == "retry"
    assert outcome.after == (None if seconds is None else timedelta(seconds=seconds))


def test_an_answer_that_no_rule_could_read_brings_its_wish(get: Any, noon: datetime) -> None:
    # the read is asked again because its answer breaks its contract
    answer = Answer(status=200, headers={"retry-after": "120"}, body={"thing": {}})
    outcome = classify(get, answer, {}, noon)
    assert (outcome.word, outcome.after) == ("retry", timedelta(minutes=2))
