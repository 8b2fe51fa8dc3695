"""Owns: what happened during a test, and how that differs from what the test expects.
Imports: core, config.cases, runtime.comparing.
Never: runs anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from router.config.cases import Case, Expect, ExpectedLetter
from router.core.decision import Produced, Sent, Signalled
from router.core.document import Json
from router.core.ports import Prepared
from router.infra.codecs import decode_json
from router.runtime.comparing import AgainstFile, differences


@dataclass(slots=True)
class Witness:
    """What happened during the last delivery of a test."""

    #: operation -> encoding of the text that a template writes for it
    texts: Mapping[str, str] = field(default_factory=dict)
    produced: list[Produced] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    signalled: list[Signalled] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    dead: list[dict[str, Any]] = field(default_factory=list)
    requests: list[tuple[str, Prepared]] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    result: Json = None

    def complaints(self, case: Case, folder: str, golden: AgainstFile) -> list[str]:
        """Return how this differs from what a test expects; empty when it passes."""
        expect, seen = case.expect, self
        last = {entry["message_id"]: entry for entry in seen.entries}
        words = [last[one]["word"] for one in seen.messages if one in last] or [
            entry["word"] for entry in last.values()
        ]
        complaints = _outcome(expect, words, tuple(last.values()))
        notes = [note for entry in last.values() for note in entry["detail"].get("notes", ())]
        if expect.notes is not None and notes != list(expect.notes):
            complaints.append(
                f"notes: {', '.join(notes) or 'none'}, expected {', '.join(expect.notes) or 'none'}"
            )
        if expect.result is not None:
            complaints += differences("result", expect.result, seen.result, golden)
        reasons = [entry["detail"].get("reason", "") for entry in last.values()]
        if expect.reason and expect.reason not in reasons:
            complaints.append(f"reason: {', '.join(reasons) or 'none'}, expected {expect.reason}")
        correlations = {entry["correlationid"] for entry in last.values()}
        if expect.correlation and correlations != {expect.correlation}:
            complaints.append(
                f"correlation: {', '.join(sorted(correlations))}, expected {expect.correlation}"
            )
        complaints += self._judge_produced(case, golden)
        complaints += self._judge_sent(case, folder, golden)
        complaints += self._judge_signalled(case, golden)
        complaints += self._judge_failures(case)
        return complaints

    def _judge_produced(self, case: Case, golden: AgainstFile) -> list[str]:
        expected, seen = case.expect.produced, self.produced
        if expected is None:
            return []
        if [one.object.ref for one in expected] != [one.contract for one in seen]:
            said = ", ".join(str(one.contract) for one in seen) or "nothing"
            wished = ", ".join(str(one.object.ref) for one in expected) or "nothing"
            return [f"produced: {said}, expected {wished}"]
        complaints = []
        for index, (want, have) in enumerate(zip(expected, seen, strict=True)):
            where = f"produced[{index}]"
            key = " ".join(have.words[1:])
            if want.key and want.key != key:
                complaints.append(f"{where}.key: {key}, expected {want.key}")
            if want.payload is not None:
                complaints += differences(where, want.payload, have.message.payload, golden)
        return complaints

    def _judge_sent(self, case: Case, folder: str, golden: AgainstFile) -> list[str]:
        expected = case.expect.sent
        if expected is None:
            return []
        have: list[tuple[str, str, Json]] = [
            (one.operation, "", one.message.payload) for one in self.sent
        ]
        if folder == "systems":
            have = [
                (name, _target(prepared), self._body(name, prepared))
                for name, prepared in self.requests
            ]
        if [one.operation for one in expected] != [name for name, _, _ in have]:
            said = ", ".join(name for name, _, _ in have) or "nothing"
            wished = ", ".join(one.operation for one in expected) or "nothing"
            return [f"sent: {said}, expected {wished}"]
        complaints = []
        for index, (want, (_, target, payload)) in enumerate(zip(expected, have, strict=True)):
            where = f"sent[{index}]"
            if want.target and want.target != target:
                complaints.append(f"{where}.target: {target}, expected {want.target}")
            if want.payload is not None:
                complaints += differences(where, want.payload, payload, golden)
        return complaints

    def _judge_signalled(self, case: Case, golden: AgainstFile) -> list[str]:
        expected, seen = case.expect.signalled, self.signalled
        if expected is None:
            return []
        wished = [f"{one.workflow} {one.event}" for one in expected]
        said = [f"{one.workflow} {one.event}" for one in seen]
        if wished != said:
            words = (", ".join(one) or "nothing" for one in (said, wished))
            return ["signalled: {}, expected {}".format(*words)]
        complaints = []
        for index, (want, have) in enumerate(zip(expected, seen, strict=True)):
            if want.payload is not None:
                where, payload = f"signalled[{index}]", have.message.payload
                complaints += differences(where, want.payload, payload, golden)
        return complaints

    def _body(self, name: str, prepared: Prepared) -> Json:
        if not prepared.body:
            return None
        encoding = self.texts.get(name)
        return decode_json(prepared.body) if encoding is None else prepared.body.decode(encoding)

    def _judge_failures(self, case: Case) -> list[str]:
        complaints = []
        expect = case.expect
        delays = [one["detail"]["after_s"] for one in self.entries if "after_s" in one["detail"]]
        wanted = [one.total_seconds() for one in expect.retries or ()]
        if expect.retries is not None and delays != wanted:
            complaints.append(f"retries: {delays} s, expected {wanted} s")
        if expect.dead is not None:
            letters = self.dead
            fits = any(
                letter["reason"] == expect.dead.reason
                and expect.dead.step in ("", letter["step"])
                and expect.dead.detail in letter["detail"]
                for letter in letters
            )
            if not fits:
                have = "; ".join(f"{x['reason']} in {x['step']}: {x['detail']}" for x in letters)
                complaints.append(f"dead: {have or 'none'}, expected {_letter(expect.dead)}")
        return complaints


def _outcome(expect: Expect, words: list[str], last: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return how outcomes differ from what is expected; where nothing is, they are not compared."""
    expected = list(expect.outcomes) or [expect.outcome] * len(words)
    words = words or ["nothing happened"]
    if not _says(expect):
        return [f"expect says nothing, and the outcome was {', '.join(dict.fromkeys(words))}"]
    if words == expected or not (expect.outcome or expect.outcomes):
        return []
    said, wanted = (", ".join(dict.fromkeys(one)) for one in (words, expected))
    if expect.outcomes:
        said, wanted = ", ".join(words), ", ".join(expected)
    told = "".join(f" ({_why(entry)})" for entry in last if _why(entry))
    return [f"outcome: {said}{told}, expected {wanted or expect.outcome}"]


def _says(expect: Expect) -> bool:
    """Return whether anything at all is expected: an empty list is, too."""
    lists = (expect.notes, expect.result, expect.produced, expect.sent, expect.signalled)
    said = expect.outcome or expect.outcomes or expect.reason or expect.correlation
    return bool(said) or any(one is not None for one in (*lists, expect.retries, expect.dead))


def _letter(want: ExpectedLetter) -> str:
    """Return all that is expected of a dead letter, for any of it may be what is wrong."""
    where = f" in {want.step}" if want.step else ""
    return f"{want.reason}{where}" + (f": {want.detail}" if want.detail else "")


def _why(entry: Mapping[str, Any]) -> str:
    detail = entry["detail"]
    return ": ".join(str(detail[key]) for key in ("reason", "detail") if detail.get(key))


def _target(prepared: Prepared) -> str:
    """Return method and address with its query: a look-up by another reference is another one."""
    query = prepared.head.get("query")
    return prepared.summary() + (f"?{urlencode(query)}" if query else "")
