"""A channel of files beside the small landscape: the desk, whose files come in in/desk."""

from __future__ import annotations

CHANNEL = """
    channel: desk
    owner: us
    from: {file: {FILE}}
    kind: =headers.file
    identity: {object: [=body.id]}
    routes: {nothing: {discard: not ours}}
    otherwise: [{discard: not wanted}]
    on_failure: patient
    """
ENVIRONMENT = """
    environment: test
    store: {sqlite: store.db}
    systems: {far: {}}
    channels: {desk: {folder: in/desk}}
    TAKES
    """


def texts_of(file: str, takes: str = "") -> dict[str, str]:
    """Return the desk's files: what its source says, and a line for the environment."""
    return {
        "routes/channels/desk.yaml": CHANNEL.replace("FILE", file),
        "routes/environments/test.yaml": ENVIRONMENT.replace("TAKES", takes),
    }
