"""Owns: calls over HTTP: the request of an operation, the settings of a system, the exchange.
Imports: what router exports; httpx when the first call is made.
Never: follows a redirect, decides what an answer means (outcomes do), repeats a call.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from router import (
    CONTRACT,
    DURATION,
    SECRET,
    SIZE,
    TEMPLATE,
    Answer,
    Choice,
    Contract,
    Health,
    MapOf,
    MessageError,
    Nested,
    Prepared,
    Retryable,
    Secrets,
    Template,
    Text,
    TransformError,
    Unknown,
    Written,
    component,
    decode_json,
    encode_json,
    knob,
    place_of,
)

if TYPE_CHECKING:
    import httpx

    from adapters.deadline import Deadline

VERBS = ("get", "post", "put", "patch", "delete")


@component("http request", doc="One HTTP request: a verb with its path, query and headers.")
class HttpRequest:
    """What an operation of an HTTP system asks; exactly one verb."""

    get: Template | None = knob(TEMPLATE, doc="path of a GET", default=None)
    post: Template | None = knob(TEMPLATE, doc="path of a POST", default=None)
    put: Template | None = knob(TEMPLATE, doc="path of a PUT", default=None)
    patch: Template | None = knob(TEMPLATE, doc="path of a PATCH", default=None)
    delete: Template | None = knob(TEMPLATE, doc="path of a DELETE", default=None)
    query: Mapping[str, Template] = knob(MapOf(TEMPLATE), doc="query parameters", default=dict)
    optional: Mapping[str, Template] = knob(
        MapOf(TEMPLATE),
        doc="query parameters that are left out where a place of theirs is null",
        default=dict,
    )
    follow: Template | None = knob(
        TEMPLATE,
        doc="GET: an address that an earlier answer gave; where it is not null, it is asked for "
        "instead, and must be below the base address",
        default=None,
    )
    headers: Mapping[str, Template] = knob(MapOf(TEMPLATE), doc="further headers", default=dict)
    contract: Contract | None = knob(CONTRACT, doc="what the body keeps", default=None)
    answer: Contract | None = knob(CONTRACT, doc="what a good answer keeps", default=None)
    place: Any = place_of()

    def complaint(self) -> str:
        """Return what is wrong with the request as a whole, or an empty text."""
        said = [getattr(self, verb) for verb in VERBS if getattr(self, verb) is not None]
        if len(said) != 1:
            return f"a request wants exactly one of {', '.join(VERBS)}"
        if self.follow is not None and self.get is None:
            return "follow: belongs to a get"
        if "?" in said[0].text or "#" in said[0].text:
            return "a path holds no ? and no #: parameters stand under query:"
        return ""


@component("authentication", doc="How the router proves who it is; secrets by reference.")
class Authentication:
    """One of bearer, api key header, or basic."""

    scheme: str = knob(Choice(("bearer", "header", "basic")), doc="how")
    secret: str = knob(SECRET, doc="the token, key or password")
    header: str = knob(Text(), doc="scheme header: which", default="x-api-key")
    user: str = knob(Text(), doc="scheme basic: who", default="")


@component("http settings", doc="Where an HTTP system is and how long to wait for it.")
class HttpSettings:
    """The environment's part of an HTTP system."""

    url: str = knob(
        Text("an address without user or password", r"https?://[^\s/?#@]+(/[^\s?#]*)?"),
        doc="base address",
    )
    timeout: timedelta = knob(DURATION, doc="for the whole call", default=timedelta(seconds=10))
    answer_limit: int = knob(
        SIZE, doc="a larger answer counts as none: the outcome is unknown", default=1024 * 1024
    )
    auth: Authentication | None = knob(Nested(Authentication), doc="credentials", default=None)
    long_numbers: str = knob(
        Choice(("text",)),
        doc="text: numbers of an answer that have more digits than are exact come as texts; "
        "otherwise such an answer is no document",
        default="",
    )


class HttpAdapter:
    """Speaks HTTP/1.1 to one system. Safe for many threads; connections are pooled."""

    Request = HttpRequest
    Settings = HttpSettings

    def __init__(self, settings: HttpSettings, secrets: Secrets) -> None:
        self.timeout = settings.timeout
        self._settings = settings
        self._secrets = secrets
        self._client: tuple[httpx.Client, Deadline] | None = None
        self._opening = threading.Lock()

    def prepare(self, request: HttpRequest, values: Mapping[str, Any], document: Any) -> Prepared:
        """Return the exact request; path places are percent-encoded, query values by the client."""
        verb = next(name for name in VERBS if getattr(request, name) is not None)
        path = getattr(request, verb).fill(values, _segment)
        if any(part in (".", "..") for part in path.split("/")):
            raise TransformError("a part of the path is . or ..: it would lead to another path")
        headers = {name.lower(): _header(one.fill(values)) for name, one in request.headers.items()}
        body = b""
        if verb not in ("get", "delete"):
            written = isinstance(document, Written)
            headers.setdefault(
                "content-type", document.media_type if written else "application/json"
            )
            body = document.data if written else encode_json(document)
        query = {name: one.fill(values) for name, one in request.query.items()}
        query |= {
            name: one.fill(values) for name, one in request.optional.items() if _known(one, values)
        }
        if request.follow is not None and _known(request.follow, values):
            path, query = self._followed(path, request.follow.fill(values)), {}
        head = {"verb": verb.upper(), "target": path, "query": query, "headers": headers}
        return Prepared(head=head, body=body)

    def call(self, prepared: Prepared, key: Mapping[str, str]) -> Answer:
        """Exchange the request for an answer. Raises Retryable or Unknown (see the port)."""
        import httpx  # noqa: PLC0415

        head = prepared.head
        headers = {**head["headers"], **key, **self._credentials()}
        client, deadline = self._open()
        try:
            with (
                deadline.within(self.timeout.total_seconds()),
                client.stream(
                    head["verb"],
                    self._settings.url.rstrip("/") + head["target"],
                    params=head["query"] or None,
                    headers=headers,
                    content=prepared.body or None,
                ) as response,
            ):
                raw = self._read(response)
                return Answer(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    body=_document(raw, long_as_text=bool(self._settings.long_numbers)),
                    raw=raw,
                )
        except (httpx.LocalProtocolError, httpx.InvalidURL, UnicodeEncodeError) as error:
            text = type(error).__name__
            if deadline.begun:  # it left: an answer, such as a redirect to nowhere, was the matter
                raise Unknown(f"no answer that can be read: {text}") from None
            raise Retryable(f"it cannot be sent: {text}") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Retryable(f"no connection: {_why(error)}") from error
        except httpx.TimeoutException as error:
            raise Unknown("no whole answer: out of time") from error
        except httpx.HTTPError as error:
            raise Unknown(f"no whole answer: {type(error).__name__}") from error

    def check(self) -> Health:
        """Ask for the base address; any answer counts."""
        try:
            answer = self.call(
                Prepared(head={"verb": "GET", "target": "", "query": {}, "headers": {}}, body=b""),
                {},
            )
        except (Retryable, Unknown) as error:
            return Health(ok=False, text=str(error))
        return Health(ok=answer.status < 500, text=f"HTTP {answer.status}")

    def close(self) -> None:
        """Close the pool."""
        if self._client is not None:
            self._client[0].close()

    def _open(self) -> tuple[httpx.Client, Deadline]:
        from http.cookiejar import DefaultCookiePolicy  # noqa: PLC0415

        import httpx  # noqa: PLC0415

        from adapters.deadline import Deadline, Transport  # noqa: PLC0415

        with self._opening:
            if self._client is None:
                deadline = Deadline()
                client = httpx.Client(
                    timeout=self.timeout.total_seconds(),
                    follow_redirects=False,
                    trust_env=False,
                    transport=Transport(deadline),
                )
                # a repeat is the same request: nothing of an answer is carried into it
                client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
                self._client = (client, deadline)
            return self._client

    def _read(self, response: httpx.Response) -> bytes:
        made = bytearray()
        for part in response.iter_bytes():
            made += part
            if len(made) > self._settings.answer_limit:
                raise Unknown(f"the answer is larger than {self._settings.answer_limit} bytes")
        return bytes(made)

    def _followed(self, path: str, link: str) -> str:
        """Return the target of an address that an answer gave: credentials go nowhere else."""
        base = self._settings.url.rstrip("/")
        try:
            here, found = urlsplit(base), urlsplit(urljoin(base + path, link))
        except ValueError:
            raise TransformError("the link is no address") from None
        parts = unquote(found.path).split("/")
        elsewhere = (found.scheme, found.netloc) != (here.scheme, here.netloc)
        if elsewhere or not found.path.startswith(f"{here.path}/") or {".", ".."} & {*parts}:
            raise TransformError("the link leads to another address than that of the system")
        target = found.path[len(here.path) :]
        return f"{target}?{found.query}" if found.query else target

    def _credentials(self) -> dict[str, str]:
        auth = self._settings.auth
        if auth is None:
            return {}
        secret = self._secrets.get(auth.secret)
        if auth.scheme == "bearer":
            return {"authorization": f"Bearer {secret}"}
        if auth.scheme == "basic":
            pair = base64.b64encode(f"{auth.user}:{secret}".encode()).decode()
            return {"authorization": f"Basic {pair}"}
        return {auth.header.lower(): secret}


def _why(error: httpx.TransportError) -> str:
    """Return why there is no connection, in the words of who refused it."""
    text = str(error)
    _, refused, why = text.partition("certificate verify failed: ")
    if refused:
        return f"the certificate is not accepted: {why.partition(' (_ssl')[0]}"
    return f"{type(error).__name__} {text}".rstrip()


def _document(raw: bytes, *, long_as_text: bool) -> Any:
    """Return the JSON document of an answer, None when it is none (an HTML page, half a body)."""
    try:
        return decode_json(raw, long_as_text=long_as_text) if raw else None
    except MessageError:
        return None


def _known(template: Template, values: Mapping[str, Any]) -> bool:
    """Say whether nothing that a text wants is null."""
    return all(values.get(name) is not None for name in template.parts[1::2])


def _header(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise TransformError("a header value holds more than printable ASCII")
    return value


def _segment(text: str) -> str:
    if not text:
        raise TransformError("a part of the path is empty: it would lead to another path")
    return quote(text, safe="")
