"""The pure way of a message: each step, and how their results become one decision."""

from __future__ import annotations

from typing import Any

import pytest

from router.config.channels import Identity, Route
from router.config.flows import Flow
from router.config.steps import STEPS
from router.core.decision import DeadLettered, Discarded, Needs, Produced, Routed, Sent
from router.core.diagnostics import Place
from router.core.message import ContractRef
from router.engine.pipeline import follow, run_flow, run_route
from router.engine.steps.enrich import call_key
from router.engine.token import Context

THING = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "amount": {"type": "string"}},
    "required": ["id"],
    "additionalProperties": False,
}
MAP = """
inputs: {body: order@1}
to: thing@1
map: {id: =body.id, amount: =body.amount}
"""
OPERATIONS = """
get_more:
  arguments: [id]
  returns: order@1
  request: {ask: "/orders/{id}"}
  outcome: [{otherwise: done}]
put:
  accept: thing@1
  request: {ask: /things}
  idempotency: {kind: none}
  outcome: [{otherwise: done}]
store:
  accept: thing@1
  request: {ask: /other}
  idempotency: {kind: none}
  outcome: [{otherwise: done}]
"""


class Bench:
    """Runs steps over a body."""

    def __init__(self, workshop: Any, message_of: Any) -> None:
        self.workshop = workshop
        self.message_of = message_of
        self.order = workshop.contract("order", {"type": "object"})
        self.thing = workshop.contract("thing", THING, more="keys: [id]\n")
        workshop.transform("shop/thing", MAP)
        workshop.system(OPERATIONS)

    def route(self, steps: str) -> Route:
        """Return a route with these steps."""
        made = self.workshop.steps(steps, "body", "headers", "stamp", "env")
        assert self.workshop.codes == [], self.workshop.told
        nothing = Identity(
            delivery=(), object=(), version=None, compare=(), keep=None, place=Place("r")
        )
        return Route(
            name="shop:order",
            channel="shop",
            kind="order",
            accept=self.order,
            identity=nothing,
            correlation=(),
            order_by=(),
            steps=made,
            policy=self.workshop.library.policies["patient"],
            place=Place("r"),
        )

    def run(self, steps: str, body: Any, **context: Any) -> Any:
        """Return the decision about a body."""
        message = self.message_of(body, channel="shop", kind="order")
        return run_route(self.route(steps), message, Context(follow=follow, **context))


@pytest.fixture
def bench(workshop: Any, message_of: Any) -> Bench:
    """A fresh bench."""
    return Bench(workshop, message_of)


PRODUCE = """
- transform: shop/thing
- produce: {object: thing@1}
"""


def ids(decision: Any) -> list[str]:
    assert isinstance(decision, Routed), decision
    return [effect.message.id for effect in decision.effects]


def payloads(decision: Any) -> list[Any]:
    assert isinstance(decision, Routed), decision
    return [effect.message.payload for effect in decision.effects]


# --- produce and send --------------------------------------------------------------------------


def test_produce_gives_an_object_for_those_who_subscribe_now(bench: Bench) -> None:
    decision = bench.run(PRODUCE, {"id": "a"}, subscribers={"thing@1": ("flow:x", "flow:y")})
    (effect,) = decision.effects
    assert isinstance(effect, Produced)
    assert effect.contract == ContractRef("thing", "1.0.0")
    assert effect.subscribers == ("flow:x", "flow:y")
    assert effect.words == ("thing", "a")
    assert effect.message.payload == {"id": "a"}
    assert effect.message.causationid == "m1"
    assert effect.message.correlationid == "c1"
    assert effect.message.contract == effect.contract
    assert effect.message.headers == {}


def test_a_repeat_derives_the_same_object(bench: Bench) -> None:
    assert bench.run(PRODUCE, {"id": "a"}) == bench.run(PRODUCE, {"id": "a"})
    assert ids(bench.run(PRODUCE, {"id": "a"})) != ids(bench.run(PRODUCE, {"id": "b"}))


def test_a_step_before_changes_no_ids(bench: Bench) -> None:
    more = "- filter: {if: =body.id, else: {discard: no id}}" + PRODUCE
    assert ids(bench.run(more, {"id": "a"})) == ids(bench.run(PRODUCE, {"id": "a"}))


def test_produce_takes_its_own_key_and_compare(bench: Bench) -> None:
    steps = """
    - transform: shop/thing
    - produce: {object: thing@1, key: [=body.shop, =payload.id], compare: [=payload.amount]}
    """
    one = bench.run(steps, {"id": "a", "shop": 1, "amount": "5"}).effects[0]
    same = bench.run(steps, {"id": "a", "shop": 1, "amount": "6"}).effects[0]
    other = bench.run(steps, {"id": "a", "shop": "1", "amount": "5"}).effects[0]
    assert one.words == ("thing", "1", "a")
    assert one.key == same.key
    assert one.compare != same.compare
    assert one.key != other.key
    assert one.message.id != other.message.id


def test_objects_with_different_keys_never_share_an_id(bench: Bench) -> None:
    steps = """
    - transform: shop/thing
    - produce: {object: thing@1, key: [=body.a, =body.b]}
    """
    pairs: list[tuple[Any, Any]] = [
        ("x", "y\x1fz"),
        ("x\x1fy", "z"),
        ("1", 1),
        (1, "1"),
        (1, 1),
        ("1", "1"),
    ]
    effects = [bench.run(steps, {"id": "i", "a": a, "b": b}).effects[0] for a, b in pairs]
    assert len({one.key for one in effects}) == len(pairs)
    assert len({one.message.id for one in effects}) == len(pairs)


@pytest.mark.parametrize("key", [None, "", True, [], 1.5])
def test_an_object_without_identity_is_not_produced(bench: Bench, key: Any) -> None:
    steps = """
    - transform: shop/thing
    - produce: {object: thing@1, key: [=body.k]}
    """
    decision = bench.run(steps, {"id": "a", "k": key})
    assert isinstance(decision, DeadLettered)
    assert (decision.reason, decision.step) == ("no_identity", "produce")


def test_a_payload_that_breaks_its_contract_does_not_leave(bench: Bench) -> None:
    decision = bench.run(PRODUCE, {"id": 4711})
    assert isinstance(decision, DeadLettered)
    assert (decision.reason, decision.step) == ("contract_violation", "produce")
    assert "/id" in decision.detail
    assert "4711" not in decision.detail


def test_send_commands_every_operation(bench: Bench) -> None:
    steps = """
    - transform: shop/thing
    - send: [{operation: far.put}, {operation: far.store}]
    """
    decision = bench.run(steps, {"id": "a"})
    assert [one.operation for one in decision.effects] == ["far.put", "far.store"]
    assert len(set(ids(decision))) == 2
    assert all(isinstance(one, Sent) for one in decision.effects)


def test_a_payload_that_an_operation_does_not_take_is_not_sent(bench: Bench) -> None:
    steps = """
    - transform: shop/thing
    - send: {operation: far.put}
    """
    decision = bench.run(steps, {"id": None})
    assert isinstance(decision, DeadLettered)
    assert (decision.reason, decision.step) == ("contract_violation", "send")


def test_two_commands_for_one_operation_are_two(bench: Bench) -> None:
    # the id of a command is the key of its effect: with one id the second would never be sent
    bench.workshop.transform("shop/second", MAP.replace("amount: =body.amount", "amount: '2'"))
    steps = """
    - transform: shop/thing
    - send: {operation: far.put}
    - transform: shop/second
    - send: {operation: far.put}
    """
    decision = bench.run(steps, {"id": "a", "amount": "1"})
    assert [one["amount"] for one in payloads(decision)] == ["1", "2"]
    assert len(set(ids(decision))) == 2


# --- filter, choose, endings -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        (True, True),
        (0, True),
        ("x", True),
        ([0], True),
        (False, False),
        (None, False),
        ("", False),
        ([], False),
        ({}, False),
    ],
)
def test_filter_lets_pass_what_holds(bench: Bench, value: Any, *, passes: bool) -> None:
    steps = "- filter: {if: =body.ok, else: {discard: not wanted}}" + PRODUCE
    decision = bench.run(steps, {"id": "a", "ok": value})
    assert isinstance(decision, Routed if passes else Discarded)
    if not passes:
        assert decision == Discarded(reason="not wanted")


def test_filter_can_end_in_a_dead_letter(bench: Bench) -> None:
    steps = "- filter: {if: =body.ok, else: {dead_letter: odd}}" + PRODUCE
    decision = bench.run(steps, {"id": "a"})
    assert isinstance(decision, DeadLettered)
    assert decision.reason == "odd"
    assert decision.place.startswith("test.yaml:")


CHOOSE = """
- choose:
    cases:
      - {if: "=body.n == `1`", steps: [{discard: one}]}
      - {if: =body.n, steps: [{discard: some}]}
    otherwise: [{discard: none}]
"""


@pytest.mark.parametrize(("n", "reason"), [(1, "one"), (2, "some"), (None, "none")])
def test_choose_takes_the_first_case_that_holds(bench: Bench, n: Any, reason: str) -> None:
    assert bench.run(CHOOSE, {"n": n}) == Discarded(reason=reason)


def test_a_condition_that_fails_stops_the_message(bench: Bench) -> None:
    steps = """
    - choose:
        cases: [{if: "=lower(body.n) == 'x'", steps: [{discard: one}]}]
        otherwise: [{discard: none}]
    """
    decision = bench.run(steps, {"n": 4711})
    assert isinstance(decision, DeadLettered)
    assert (decision.reason, decision.step) == ("transform_failed", "choose")
    assert "4711" not in decision.detail
    assert decision.place.startswith("test.yaml:")


# --- split -------------------------------------------------------------------------------------

SPLIT = """
- split: {each: =body.lines, as: line, empty: {discard: no lines}}
- filter: {if: =line.wanted, else: {discard: unwanted}}
- transform: shop/line
- produce: {object: thing@1}
"""


@pytest.fixture
def lines(bench: Bench) -> Bench:
    """A bench with a transform of a line."""
    bench.workshop.transform(
        "shop/line", "inputs: {line: =body.lines}\nto: thing@1\nmap: {id: =line.id}"
    )
    assert bench.workshop.codes == [], bench.workshop.told
    return bench


def test_split_gives_one_object_an_item_in_order(lines: Bench) -> None:
    body = {"lines": [{"id": "c", "wanted": 1}, {"id": "a", "wanted": 1}, {"id": "b", "wanted": 1}]}
    decision = lines.run(SPLIT, body)
    assert [one["id"] for one in payloads(decision)] == ["c", "a", "b"]
    assert len(set(ids(decision))) == 3


def test_what_is_left_out_is_noted_once(lines: Bench) -> None:
    body = {"lines": [{"id": "a", "wanted": 1}, {"id": "b"}, {"id": "c"}]}
    decision = lines.run(SPLIT, body)
    assert isinstance(decision, Routed)
    assert len(decision.effects) == 1
    assert decision.notes == ("unwanted",)


def test_when_nothing_is_left_the_message_is_discarded_for_that_reason(lines: Bench) -> None:
    assert lines.run(SPLIT, {"lines": [{"id": "b"}]}) == Discarded(reason="unwanted")
    assert lines.run(SPLIT, {"lines": []}) == Discarded(reason="no lines")


@pytest.mark.parametrize("value", [None, {}, "4711", 4711])
def test_what_is_no_list_is_not_taken_for_an_empty_one(lines: Bench, value: Any) -> None:
    decision = lines.run(SPLIT, {"lines": value})
    assert isinstance(decision, DeadLettered)
    assert (decision.reason, decision.step) == ("transform_failed", "split")
    assert "4711" not in decision.detail


def test_one_bad_item_stops_the_whole_message(lines: Bench) -> None:
    body = {"lines": [{"id": "a", "wanted": 1}, {"id": 5, "wanted": 1}]}
    decision = lines.run(SPLIT, body)
    assert isinstance(decision, DeadLettered)
    assert decision.step == "produce"


def test_commands_of_different_items_are_different(lines: Bench) -> None:
    steps = SPLIT.replace("produce: {object: thing@1}", "send: {operation: far.put}")
    # even when the two items say the same
    body = {"lines": [{"id": "a", "wanted": 1}, {"id": "a", "wanted": 1}]}
    assert len(set(ids(lines.run(steps, body)))) == 2


def test_the_index_of_an_item_is_in_reach(lines: Bench) -> None:
    steps = """
    - split: {each: =body.lines, as: line, empty: {discard: no lines}}
    - filter: {if: "=line_index == `1`", else: {discard: not the second}}
    - transform: shop/line
    - produce: {object: thing@1}
    """
    decision = lines.run(steps, {"lines": [{"id": "a"}, {"id": "b"}, {"id": "c"}]})
    assert [one["id"] for one in payloads(decision)] == ["b"]


# --- fork --------------------------------------------------------------------------------------

FORK = """
- fork:
    first:
      - filter: {if: =body.first, else: {discard: no first}}
      - transform: shop/thing
      - produce: {object: thing@1, key: [first, =payload.id]}
    second:
      - filter: {if: =body.second, else: {LEFT: no second}}
      - transform: shop/thing
      - send: {operation: far.put}
"""


def fork(otherwise: str = "discard") -> str:
    text = FORK.replace("LEFT", otherwise)
    return text.replace("key: [first, =payload.id]", "key: [=payload.id]")


def test_the_branches_of_a_fork_are_one_decision(bench: Bench) -> None:
    decision = bench.run(fork(), {"id": "a", "first": 1, "second": 1})
    assert [type(one) for one in decision.effects] == [Produced, Sent]


def test_a_branch_without_effect_is_noted(bench: Bench) -> None:
    decision = bench.run(fork(), {"id": "a", "first": 1})
    assert isinstance(decision, Routed)
    assert decision.notes == ("no second",)
    assert bench.run(fork(), {"id": "a"}) == Discarded(reason="no first; no second")


def test_a_dead_branch_takes_the_others_with_it(bench: Bench) -> None:
    decision = bench.run(fork("dead_letter"), {"id": "a", "first": 1})
    assert isinstance(decision, DeadLettered)
    assert decision.reason == "no second"


def test_an_error_in_a_branch_takes_the_others_with_it(bench: Bench) -> None:
    decision = bench.run(fork(), {"id": 5, "first": False, "second": 1})
    assert isinstance(decision, DeadLettered)
    assert decision.step == "send"


def test_a_branch_does_not_see_what_another_made(bench: Bench) -> None:
    bench.workshop.steps(
        """
        - fork:
            first: [{transform: shop/thing}, {send: {operation: far.put}}]
            second: [{send: {operation: far.put}}]
        """
    )
    assert bench.workshop.codes == ["E046"]


def test_equal_branches_send_twice(bench: Bench) -> None:
    branch = "[{transform: shop/thing}, {send: {operation: far.put}}]"
    decision = bench.run(f"- fork: {{one: {branch}, two: {branch}}}", {"id": "a"})
    assert len(set(ids(decision))) == 2


# --- enrich ------------------------------------------------------------------------------------

ENRICH = """
- enrich: {call: far.get_more, with: {id: =body.id}, as: more, cache: 10m}
- transform: shop/more
- produce: {object: thing@1}
"""


@pytest.fixture
def enriched(bench: Bench) -> Bench:
    """A bench with a transform of an answer."""
    bench.workshop.transform(
        "shop/more",
        "inputs: {body: order@1, more: order@1}\nto: thing@1\nmap: {id: =more.number}",
    )
    assert bench.workshop.codes == [], bench.workshop.told
    return bench


def test_enrich_says_what_it_needs_and_goes_on_with_the_answer(enriched: Bench) -> None:
    needs = enriched.run(ENRICH, {"id": "a"})
    assert isinstance(needs, Needs)
    (call,) = needs.calls
    assert (call.operation, call.arguments) == ("far.get_more", {"id": "a"})
    assert call.cache is not None
    decision = enriched.run(ENRICH, {"id": "a"}, answers={call.key: {"number": "77"}})
    assert payloads(decision) == [{"id": "77"}]


def test_an_answer_that_is_null_is_an_answer(enriched: Bench) -> None:
    (call,) = enriched.run(ENRICH, {"id": "a"}).calls
    decision = enriched.run(ENRICH, {"id": "a"}, answers={call.key: None})
    assert isinstance(decision, DeadLettered)
    assert decision.step == "produce"


@pytest.mark.parametrize("value", [None, [], {"a": 4711}])
def test_nothing_is_asked_with_a_null_or_a_structure(enriched: Bench, value: Any) -> None:
    decision = enriched.run(ENRICH, {"id": value})
    assert isinstance(decision, DeadLettered)
    assert (decision.reason, decision.step) == ("transform_failed", "enrich")
    assert "4711" not in decision.detail


def test_calls_are_told_apart_by_operation_and_arguments() -> None:
    keys = {
        call_key("far.get", {"id": "1"}),
        call_key("far.get", {"id": 1}),
        call_key("far.get", {"id": True}),
        call_key("far.get", {"id": "12"}),
        call_key("far.get", {"i": "1", "d": "2"}),
        call_key("far.get", {}),
        call_key("far.got", {"id": "1"}),
    }
    assert len(keys) == 7
    assert call_key("x", {"a": 1, "b": 2}) == call_key("x", {"b": 2, "a": 1})


def test_only_a_split_gives_an_index(enriched: Bench) -> None:
    enriched.workshop.steps(
        """
        - enrich: {call: far.get_more, with: {id: =body.id}, as: more}
        - filter: {if: =more_index, else: {discard: none}}
        - transform: shop/thing
        - produce: {object: thing@1}
        """,
        "body",
    )
    assert enriched.workshop.codes == ["E104"]


def test_a_name_hides_no_root_and_no_index(enriched: Bench) -> None:
    enriched.workshop.steps(
        """
        - split: {each: =body.a, as: headers, empty: {discard: none}}
        - split: {each: =body.a, as: line, empty: {discard: none}}
        - split: {each: =body.a, as: line_index, empty: {discard: none}}
        - discard: nothing
        """,
        "body",
        "headers",
    )
    assert enriched.workshop.codes == ["E043", "E043"]


def test_all_that_is_needed_is_asked_at_once_and_each_thing_once(enriched: Bench) -> None:
    steps = """
    - split: {each: =body.lines, as: line, empty: {discard: no lines}}
    - enrich: {call: far.get_more, with: {id: =line}, as: more}
    - transform: shop/more
    - produce: {object: thing@1}
    """
    needs = enriched.run(steps, {"lines": ["a", "b", "a"]})
    assert [call.arguments["id"] for call in needs.calls] == ["a", "b"]


def test_a_dead_branch_asks_nothing(enriched: Bench) -> None:
    steps = """
    - fork:
        asks:
          - enrich: {call: far.get_more, with: {id: =body.id}, as: more}
          - transform: shop/more
          - produce: {object: thing@1}
        dies: [{dead_letter: odd}]
    """
    assert isinstance(enriched.run(steps, {"id": "a"}), DeadLettered)


# --- the ends of the way -----------------------------------------------------------------------


def test_a_record_that_breaks_its_contract_goes_no_further(bench: Bench) -> None:
    decision = bench.run(PRODUCE, ["4711"])
    assert isinstance(decision, DeadLettered)
    assert (decision.reason, decision.step) == ("contract_violation", "accept")
    assert "4711" not in decision.detail


def test_the_message_is_not_changed(bench: Bench) -> None:
    body = {"id": "a", "amount": "5", "nested": {"list": [1]}}
    before = {"id": "a", "amount": "5", "nested": {"list": [1]}}
    bench.run(PRODUCE, body)
    assert body == before


def test_every_step_is_told(bench: Bench) -> None:
    seen: list[str] = []
    bench.run(
        PRODUCE, {"id": "a"}, observe=lambda step, _token, _emit: seen.append(type(step).__name__)
    )
    assert seen == ["Apply", "Produce"]


def test_a_flow_begins_with_the_object(bench: Bench, workshop: Any) -> None:
    context = workshop.context("payload", "stamp", "env").within(payload=bench.thing)
    steps = STEPS.decode(workshop.node("- send: {operation: far.put}"), context)
    flow = Flow(
        name="flow:f",
        accept=bench.thing,
        steps=steps,
        policy=workshop.library.policies["patient"],
        place=Place("f"),
    )
    message = bench.message_of({"id": "a"}, contract=bench.thing.ref, stamp={"platform": "x"})
    decision = run_flow(flow, message, Context(follow=follow))
    assert payloads(decision) == [{"id": "a"}]
    assert decision.effects[0].message.stamp == {"platform": "x"}  # type: ignore[union-attr]
