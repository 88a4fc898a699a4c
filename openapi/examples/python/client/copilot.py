"""A client of the two operations: the generated functions, with what they leave open.

They put their own path after a base URL, so a hook sends each operation to the URL that is configured for it. They read
an error's body before its status is known to the caller, and fail on any body that is not the contract's, so a hook
reads errors first. They check no types, so what they read of a success is checked here.
"""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Self

import httpx

from connections import HttpxArgs, connect, is_page, unquoted
from credentials import basic_auth
from endpoints import endpoint
from errors import CopilotError, LimitError, UnreadableAnswer
from generated import Client
from generated.api.collect import collect
from generated.api.consent import set_consent
from generated.errors import UnexpectedStatus
from generated.models import CollectRequest, CollectResponse, ConsentChange, ErrorBody, InvalidEvent
from generated.types import Unset
from json_values import not_json

_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError)
_MEMBERS = {"event_id": str, "index": int, "error": str}


class Copilot:
    """Sends events and consents. A context manager: its connections are closed at the end."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        collect_url: str,
        consent_url: str,
        httpx_args: HttpxArgs | None = None,
    ) -> None:
        """The URLs are whole, with their paths. Each operation has an `httpx.Client` of its own, of `httpx_args`.

        Raises CredentialsError and EndpointError for what cannot work, or is not safe.
        """
        auth = basic_auth(client_id, client_secret)
        urls = endpoint(collect_url), endpoint(consent_url)
        self._collect, self._consent = (_client(url, auth, httpx_args or {}) for url in urls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._collect.get_httpx_client().close()
        self._consent.get_httpx_client().close()

    def collect(self, request: CollectRequest) -> list[InvalidEvent]:
        """Reports events. Returns those that were refused; all others were taken. No events make no request.

        Raises LimitError for an event that JSON cannot write, which it names: nothing was sent, not the others either.
        Raises CopilotError if the request was refused or failed, UnreadableAnswer if it is not known which events were
        taken, and httpx.HTTPError if no answer came: after these two, sending again may count events twice.
        """
        for index, event in enumerate(request.events):
            for detail in not_json(event.to_dict()):
                raise LimitError("json", detail, index=index, event_id=event.event_id)
        if not request.events:
            return []
        status = int(HTTPStatus.OK)
        refused = None
        try:
            with unquoted():
                answer = collect.sync_detailed(client=self._collect, body=request)
            if _has_form(answer.content):
                refused = _read_refused(answer.parsed)
        except UnexpectedStatus as error:
            status = error.status_code
        except _UNREADABLE:
            pass  # What was sent is JSON, so this is about the answer.
        # Raised here, because the errors above quote the answer.
        if refused is None:
            raise UnreadableAnswer(status)
        return refused

    def set_consent(self, change: ConsentChange) -> int:
        """Reports a user's consent. Returns the status, 200 or 204. Raises as `collect` does."""
        for detail in not_json(change.to_dict()):
            raise LimitError("json", detail)
        try:
            with unquoted():
                answer = set_consent.sync_detailed(client=self._consent, body=change)
            status = int(answer.status_code)
            if not is_page(httpx.Headers(answer.headers)):
                return status
        except UnexpectedStatus as error:
            status = error.status_code
        raise UnreadableAnswer(status)


def _client(url: httpx.URL, auth: httpx.BasicAuth, httpx_args: HttpxArgs) -> Client:
    """The generated client, whose requests all go to one URL."""
    # AuthenticatedClient would do, but its repr shows the token.
    http = connect(url, auth, httpx_args, on_request=_send_to(url), on_response=_raise_error)
    return Client(base_url=str(url), raise_on_unexpected_status=True).set_httpx_client(http)


def _send_to(url: httpx.URL) -> Callable[[httpx.Request], None]:
    def hook(request: httpx.Request) -> None:
        request.url = url
        request.headers["Host"] = url.netloc.decode("ascii")

    return hook


def _raise_error(response: httpx.Response) -> None:
    """Raises CopilotError for an error, whose body may be anything."""
    if response.is_success:
        return
    response.read()
    try:
        reason: object = ErrorBody.from_dict(response.json()).reason
    except _UNREADABLE:
        reason = None
    raise CopilotError(
        response.status_code,
        reason=reason if isinstance(reason, str) else None,
        retry_after=response.headers.get("Retry-After"),
    )


def _has_form(content: bytes) -> bool:
    """Whether an answer is an object with a list of objects. The generated code takes pairs and empty values for it."""
    answer = json.loads(content)
    refused = answer.get("invalid_events", []) if isinstance(answer, dict) else None
    return isinstance(refused, list) and all(isinstance(each, dict) for each in refused)


def _read_refused(answer: ErrorBody | CollectResponse | None) -> list[InvalidEvent] | None:
    """The refused events, or None if what was read is not what the contract describes."""
    if not isinstance(answer, CollectResponse):
        return None
    refused = [] if isinstance(answer.invalid_events, Unset) else answer.invalid_events
    return refused if all(map(_is_as_declared, refused)) else None


def _is_as_declared(invalid: InvalidEvent) -> bool:
    return all(type(getattr(invalid, name)) in {kind, Unset} for name, kind in _MEMBERS.items())
