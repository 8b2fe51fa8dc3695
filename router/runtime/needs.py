"""Owns: the secrets that an environment needs, and which of them are missing.
Imports: core, config, runtime.coming.
Never: keeps or shows a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from router.config.channels import HttpSource
from router.config.components import knobs_of
from router.config.environments import EnvironmentFile
from router.config.project import Project
from router.config.queues import AmqpSource
from router.config.shapes import Nested
from router.config.verification import SecretShape
from router.core.ports import Secrets
from router.runtime.coming import coming


def missing_secrets(project: Project, environment: EnvironmentFile, secrets: Secrets) -> list[str]:
    """Return each secret reference that cannot be resolved, with what wants it."""
    wanted = [(one, "the store") for one in references_in(environment.store)]
    if environment.broker:
        wanted.append((environment.broker, "the broker"))
    if environment.redis is not None:
        wanted.extend((one, "redis") for one in references_in(environment.redis))
    for channel, source in coming(project, environment, HttpSource):
        scheme = source.verify
        told = [*scheme.secrets, scheme.url] if scheme.url else scheme.secrets
        wanted.extend((one, f"channel {channel.name}") for one in told)
    for channel, _ in coming(project, environment, AmqpSource):
        settings = environment.channels.get(channel.name)
        wanted.extend((one, f"channel {channel.name}") for one in references_in(settings))
    for name, settings in environment.systems.items():
        wanted.extend((one, f"system {name}") for one in references_in(settings))
    missing = []
    for reference, who in wanted:
        try:
            secrets.get(reference)
        except LookupError:
            missing.append(f"{reference} (for {who})")
    return missing


def references_in(settings: Any) -> Iterator[str]:
    """Yield the secrets that a component names, and those within it."""
    for one in knobs_of(type(settings)):
        held = getattr(settings, one.name)
        if isinstance(one.shape, SecretShape) and held:
            yield held
        elif isinstance(one.shape, Nested) and held is not None:
            yield from references_in(held)
