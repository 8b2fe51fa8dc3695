"""Owns: the types of contracts, each made once, and the check of their own expressions.
Imports: config.contracts, config.types.
Never: looks at who uses a contract.
"""

from __future__ import annotations

from router.config.contracts import Contracts
from router.config.types.schemas import Schemas
from router.config.types.type import TEXT, UNKNOWN, Open, Type, object_of
from router.config.validation import Contract
from router.core.message import ContractRef

#: what every expression may read of what came with a message
HEADERS = object_of(Open(TEXT))
#: the same where one that is missing is no mistake: senders keep no contract of them
ANY_HEADERS = object_of(Open(UNKNOWN))


class ContractTypes:
    """The types of contracts, each made once."""

    def __init__(self, contracts: Contracts) -> None:
        self._contracts = contracts
        self._made: dict[tuple[ContractRef, str], Type] = {}

    def of(self, contract: Contract, path: str) -> Type:
        """Return the type of what keeps a contract; `path` is what reasons call it."""
        key = (contract.ref, path)
        if key not in self._made:
            schemas = Schemas(self._contracts.by_urn, str(contract.ref))
            views = schemas.views(contract.schema, contract.schema)
            self._made[key] = schemas.type_of(views, path)
        return self._made[key]
