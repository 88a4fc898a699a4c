"""Connections that are safe: past every proxy to this machine, along no redirect, and not for ever."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypedDict

import httpx
from typing_extensions import override

from endpoints import is_loopback
from errors import UnreadableAnswer

SECONDS = 10


class HttpxArgs(TypedDict, total=False):
    """What `httpx.Client` can be told. Authentication, hooks and redirects are this client's own."""

    limits: httpx.Limits
    proxy: httpx.Proxy | httpx.URL | str | None
    timeout: httpx.Timeout | float | None
    transport: httpx.BaseTransport | None
    trust_env: bool
    verify: ssl.SSLContext | bool


def connect(
    url: httpx.URL,
    auth: httpx.BasicAuth,
    arguments: HttpxArgs,
    *,
    on_request: Callable[[httpx.Request], None] | None = None,
    on_response: Callable[[httpx.Response], None] | None = None,
) -> httpx.Client:
    """Connections to one endpoint. The proxies of the environment are for others than this machine."""
    # httpx sends what goes to this machine, the credentials with it, to the proxy of HTTP_PROXY too.
    merged: HttpxArgs = {"timeout": SECONDS, "trust_env": not is_loopback(url.host), **arguments}
    return httpx.Client(
        **merged,
        auth=auth,
        event_hooks={
            "request": [on_request] if on_request else [],
            "response": [_bound, on_response] if on_response else [_bound],
        },
        follow_redirects=False,
    )


def is_page(headers: httpx.Headers) -> bool:
    """Whether an answer is a page of HTML, which a portal or a proxy gave in place of Copilot.cx."""
    content_type: str = headers.get("Content-Type", "")
    return content_type.lower().startswith("text/html")


@contextmanager
def unquoted() -> Iterator[None]:
    """Takes the words of the server out of an error: httpx quotes what is not HTTP, which may repeat the credentials."""
    try:
        yield
    except httpx.RemoteProtocolError as error:
        request = error.request
    else:
        return
    raise httpx.RemoteProtocolError("what the server sent is not HTTP", request=request)


class _Bounded(httpx.SyncByteStream):
    """A body that must be whole in the time that httpx grants to each part of it."""

    def __init__(self, response: httpx.Response, stream: httpx.SyncByteStream) -> None:
        self._stream = stream
        self._is_success = response.is_success
        self._status = response.status_code
        self._seconds: float | None = response.request.extensions["timeout"]["read"]

    @override
    def __iter__(self) -> Iterator[bytes]:
        end = None if self._seconds is None else time.monotonic() + self._seconds
        try:
            for part in self._stream:
                if end is not None and time.monotonic() > end:
                    raise httpx.ReadTimeout("the answer does not end")
                yield part
        except httpx.TransportError:
            if not self._is_success:
                raise
        else:
            return
        # Its head was read: this is no case of no answer.
        raise UnreadableAnswer(self._status)

    @override
    def close(self) -> None:
        self._stream.close()


def _bound(response: httpx.Response) -> None:
    if isinstance(response.stream, httpx.SyncByteStream):
        response.stream = _Bounded(response, response.stream)
