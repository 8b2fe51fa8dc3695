"""Owns: the annotations of schemas that are our own: what a draft knows of a field by them.
Imports: nothing of the router.
Never: changes what a document may be.
"""

from __future__ import annotations

#: other names that senders give a field
ALSO = "x-also-called"
#: what a draft fills a field with: the name of the channel, the parts of the identity, nothing,
#: because no sender knows it, or `{"text": ...}`, always the same
FILLED = "x-filled-with"
FILLINGS = ("channel", "identity", "nothing")


def is_filling(value: object) -> bool:
    """Return whether `x-filled-with` may have this value."""
    if isinstance(value, dict):
        return value.keys() == {"text"} and isinstance(value["text"], str)
    return value in FILLINGS
