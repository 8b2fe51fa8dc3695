"""Owns: a kind as it was drafted: the object it becomes, the map to it, what tells its repeats.
Imports: config.drafts (identity, matching, sources), config.validation, core.
Never: decides what is matched; writes text.
"""

from __future__ import annotations

from dataclasses import dataclass

from router.config.drafts.identity import Identity
from router.config.drafts.matching import Fields, listings_of, values_of
from router.config.drafts.sources import scope_of
from router.config.validation import Contract
from router.core.document import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class KindDraft:
    """One kind: the object it becomes, the map to it, what tells its repeats."""

    kind: str
    name: str
    object: Contract
    fields: Fields
    identity: Identity
    documents: tuple[Json, ...]
    #: whether the author said which object
    asked: bool
    #: the contract it is accepted by, and what that contract was inferred from
    accepts: str
    shown: tuple[Json, ...]

    @property
    def transform(self) -> str:
        """Return the path of its transform."""
        return f"transforms/{self.name}.yaml"


def unread_of(one: KindDraft) -> tuple[str, ...]:
    """Return what the samples have at the top and below it, and the draft does not read."""
    used = {leaf.path for value in values_of(one.fields) for leaf in value.read}
    used |= {part.path for part in one.identity.parts} | {
        each.path for each in listings_of(one.fields)
    }
    scope = scope_of(one.documents, "body")
    paths = [leaf.path for leaf in scope.leaves] + [listing.path for listing in scope.lists]
    return tuple(path for path in paths if path not in used)
