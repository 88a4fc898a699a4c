"""A client of the two operations: the generated functions, with what they leave open.

They put their own path after a base URL, so a hook sends each operation to the URL that is configured for it. They read
an error's body before its status is known to the caller, and fail on any body that is not the contract's, so a hook
reads errors first. They check no types, so what they read of a success is checked here.
"""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Self

import httpx

from credentials import basic_auth
from generated import Client
from generated.api.collect import collect
from generated.api.consent import set_consent
from generated.errors import UnexpectedStatus
from generated.models import ApiError, CollectRequest, ConsentChange, InvalidEvent
from generated.types import Unset

_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError)
_MEMBERS = {"event_id": str, "index": int, "error": str}


class CopilotError(Exception):
    """An answer other than success. A status of 500 or more leaves open whether events were taken."""

    words = "no reason given"

    def __init__(self, status: int, reason: str | None = None, retry_after: str | None = None) -> None:
        super().__init__(f"status {status}, {reason or self.words}")
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class UnreadableAnswer(CopilotError):
    """Success, but not in the words of the contract: events were taken, and which were refused is not known."""

    words = "not the JSON that the contract describes"


class Copilot:
    """Sends events and consents. A context manager: its connections are closed at the end."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        collect_url: str,
        consent_url: str,
        httpx_args: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises CredentialsError for credentials that cannot work. The URLs are whole, with their paths.

        `httpx_args` are for the two `httpx.Client`: proxies, TLS, limits.
        """
        # AuthenticatedClient would do, but its repr shows the token.
        arguments = {"timeout": 10, **(httpx_args or {}), "auth": basic_auth(client_id, client_secret)}
        self._collect = _client(collect_url, arguments)
        self._consent = _client(consent_url, arguments)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._collect.get_httpx_client().close()
        self._consent.get_httpx_client().close()

    def collect(self, request: CollectRequest) -> list[InvalidEvent]:
        """Reports events. Returns those that were refused; all others were taken.

        Raises CopilotError if the whole request failed, httpx.HTTPError if no answer came. Sending again after a lost
        answer may count events twice.
        """
        json.dumps(request.to_dict(), allow_nan=False)  # What is no JSON fails here, so that below only the answer can.
        try:
            answer = collect.sync(client=self._collect, body=request)
            if answer is None or isinstance(answer, ApiError):
                raise TypeError("not a CollectResponse")
            refused = [] if isinstance(answer.invalid_events, Unset) else answer.invalid_events
            if not all(map(_is_as_declared, refused)):
                raise TypeError("not an InvalidEvent")
        except UnexpectedStatus as error:
            raise UnreadableAnswer(error.status_code) from error
        except _UNREADABLE as error:
            raise UnreadableAnswer(HTTPStatus.OK) from error
        return refused

    def set_consent(self, change: ConsentChange) -> int:
        """Reports a user's consent. Returns the status, 200 or 204. Raises as `collect` does."""
        try:
            return set_consent.sync_detailed(client=self._consent, body=change).status_code
        except UnexpectedStatus as error:
            raise CopilotError(error.status_code) from error


def _client(url: str, httpx_args: Mapping[str, Any]) -> Client:
    """The generated client, whose requests all go to one URL."""
    http = httpx.Client(**httpx_args, event_hooks={"request": [_send_to(httpx.URL(url))], "response": [_read_error]})
    return Client(base_url=url, raise_on_unexpected_status=True).set_httpx_client(http)


def _send_to(url: httpx.URL) -> Callable[[httpx.Request], None]:
    def hook(request: httpx.Request) -> None:
        request.url = url
        request.headers["Host"] = url.netloc.decode("ascii")

    return hook


def _read_error(response: httpx.Response) -> None:
    """Raises CopilotError for an error, whose body may be anything."""
    if response.is_success:
        return
    response.read()
    try:
        reason: object = ApiError.from_dict(response.json()).reason
    except _UNREADABLE:
        reason = None
    raise CopilotError(
        response.status_code, reason if isinstance(reason, str) else None, response.headers.get("Retry-After")
    )


def _is_as_declared(invalid: InvalidEvent) -> bool:
    return all(type(getattr(invalid, name)) in {kind, Unset} for name, kind in _MEMBERS.items())
