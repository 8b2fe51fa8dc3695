"""Owns: the conversation with a Redis server: values compared and set, answers, a stream.
Imports: redis.
Never: waits longer than it was told; shows a password; lets an exception of the client out.

States are set by one script that compares them with what was read before and sets all or none. The
decision is made in between, by the caller: there is one implementation of it, and it is tested
without a server. A script needs no connection of its own, as WATCH would, and is one step for all
others. The time is the server's, so that processes whose clocks differ agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from router.core.errors import Unavailable

#: values are set before others are taken away: where memory is short the first of them fails
_SWAP = """
local n = #KEYS
for i = 1, n do
  if (redis.call('GET', KEYS[i]) or '') ~= ARGV[i] then return 0 end
end
for i = 1, n do
  local value, span = ARGV[n + i], ARGV[2 * n + i]
  if value ~= '' and span == '0' then redis.call('SET', KEYS[i], value) end
  if value ~= '' and span ~= '0' then redis.call('SET', KEYS[i], value, 'PX', span) end
end
for i = 1, n do
  if ARGV[n + i] == '' then redis.call('DEL', KEYS[i]) end
end
return 1
"""
_SECOND = 1_000_000


class Away(Exception):
    """The server cannot be reached, or does not take what is written; the text says why."""


class Link:
    """A server, over a pool of connections. Safe for many threads."""

    def __init__(self, address: str, timeout: timedelta) -> None:
        """Nothing is connected as yet. Raises Unavailable when the address is none."""
        seconds = timeout.total_seconds()
        try:
            self._client = redis.Redis.from_url(
                address,
                socket_timeout=seconds,
                socket_connect_timeout=seconds,
                retry=Retry(NoBackoff(), 0),  # who is away is away: there is a local share
                protocol=2,
                client_name="router",
            )
        except (ValueError, TypeError):
            raise Unavailable(
                "the address of redis is none: rediss://user:password@host:6379/0"
            ) from None
        at = self._client.connection_pool.connection_kwargs
        self.name = str(at.get("path") or f"{at.get('host')}:{at.get('port')}")
        self._swap = self._client.register_script(_SWAP)

    def read(self, names: Sequence[str]) -> tuple[int, list[bytes | None]]:
        """Return the server's time in microseconds, and the values of some names. Raises Away."""
        try:
            with self._client.pipeline(transaction=False) as pipe:
                pipe.time()
                pipe.mget(names)
                (seconds, rest), values = pipe.execute()
        except (RedisError, OSError) as error:
            raise _away(error) from error
        return int(seconds) * _SECOND + int(rest), values

    def swap(
        self,
        names: Sequence[str],
        old: Sequence[bytes | None],
        new: Sequence[bytes | None],
        spans: Sequence[int],
    ) -> bool:
        """Set all values if they are the old ones still; `spans` in milliseconds, 0 = for good.

        False: others have set one of them meanwhile, and nothing was done. Raises Away.
        """
        values = [one or b"" for one in (*old, *new)]
        arguments: list[bytes | int] = [*values, *spans]
        try:
            return bool(self._swap(keys=list(names), args=arguments))
        except (RedisError, OSError) as error:
            raise _away(error) from error

    def get(self, name: str) -> tuple[bytes | None, int]:
        """Return a value and how many milliseconds it is kept from now on. Raises Away."""
        try:
            with self._client.pipeline(transaction=False) as pipe:
                pipe.get(name)
                pipe.pttl(name)
                value, left = pipe.execute()
        except (RedisError, OSError) as error:
            raise _away(error) from error
        return value, int(left)

    def put(self, name: str, value: bytes, span: timedelta) -> None:
        """Set a value for a while. Raises Away."""
        try:
            self._client.set(name, value, px=max(1, span // timedelta(milliseconds=1)))
        except (RedisError, OSError) as error:
            raise _away(error) from error

    def append(self, name: str, entries: Sequence[Mapping[str, str]], most: int) -> None:
        """Append entries to a stream, of which about the newest `most` are kept. Raises Away."""
        try:
            with self._client.pipeline(transaction=False) as pipe:
                for entry in entries:
                    pipe.xadd(name, cast("Any", dict(entry)), maxlen=most, approximate=True)
                pipe.execute()
        except (RedisError, OSError) as error:
            raise _away(error) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _away(error: Exception) -> Away:
    """Return why it is away, on one line."""
    said = " ".join(str(error).split())[:200]
    return Away(f"{type(error).__name__}: {said}" if said else type(error).__name__)
