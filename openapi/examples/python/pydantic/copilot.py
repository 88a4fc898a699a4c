"""A client of the two operations: the generated models, sent with httpx."""

import json
from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from typing import Self, TypeVar

import httpx
from pydantic import MISSING, BaseModel, ValidationError

from connections import HttpxArgs, connect, is_page, unquoted
from credentials import basic_auth
from endpoints import endpoint
from errors import CopilotError, UnreadableAnswer
from generated.models import CollectRequest, CollectResponse, ConsentChange, ErrorBody, Event, InvalidEvent
from limits import check_consent, check_event
from timestamps import now_millis

Model = TypeVar("Model", bound=BaseModel)


class Copilot:
    """Sends events and consents. A context manager: its connections are closed at the end."""

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str,
        collect_url: str,
        consent_url: str,
        clock_millis: Callable[[], int] = now_millis,
        httpx_args: HttpxArgs | None = None,
    ) -> None:
        """The URLs are whole, with their paths; `clock_millis` is what the times of events are compared with.

        Each operation has an `httpx.Client` of its own, of `httpx_args`.

        Raises CredentialsError and EndpointError for what cannot work, or is not safe.
        """
        auth = basic_auth(client_id, client_secret)
        self._collect_url = endpoint(collect_url)
        self._consent_url = endpoint(consent_url)
        self._collect = connect(self._collect_url, auth, httpx_args or {})
        self._consent = connect(self._consent_url, auth, httpx_args or {})
        self._clock_millis = clock_millis

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._collect.close()
        self._consent.close()

    def collect(self, events: Sequence[Event]) -> list[InvalidEvent]:
        """Reports events. Returns those that were refused; all others were taken. No events make no request.

        Raises LimitError if one of them would be refused, which it names: nothing was sent, not the others either.
        Raises CopilotError if the request was refused or failed, UnreadableAnswer if it is not known which events were
        taken, and httpx.HTTPError if no answer came: after these two, sending again may count events twice.
        """
        now = self._clock_millis()
        for index, event in enumerate(events):
            check_event(event, now, index)
        if not events:
            return []
        response = _post(self._collect, self._collect_url, CollectRequest(events=list(events)), {HTTPStatus.OK})
        answer = _read(CollectResponse, response)
        if answer is None:
            raise UnreadableAnswer(response.status_code)
        return [] if answer.invalid_events is MISSING else answer.invalid_events

    def set_consent(self, change: ConsentChange) -> int:
        """Reports a user's consent. Returns the status, 200 or 204. Raises as `collect` does."""
        check_consent(change)
        response = _post(self._consent, self._consent_url, change, {HTTPStatus.OK, HTTPStatus.NO_CONTENT})
        if is_page(response.headers):
            raise UnreadableAnswer(response.status_code)
        return response.status_code


def _post(http: httpx.Client, url: httpx.URL, model: BaseModel, described: Collection[int]) -> httpx.Response:
    """Returns an answer whose status is `described` as a success."""
    # Not model_dump_json, which would write null for NaN.
    body = json.dumps(model.model_dump(), allow_nan=False, ensure_ascii=False).encode()
    with unquoted():
        response = http.post(url, content=body, headers={"Content-Type": "application/json"})
    if response.status_code in described:
        return response
    if response.is_success:
        raise UnreadableAnswer(response.status_code)
    error = _read(ErrorBody, response)
    raise CopilotError(
        response.status_code,
        reason=None if error is None else error.reason,
        retry_after=response.headers.get("Retry-After"),
    )


def _read(kind: type[Model], response: httpx.Response) -> Model | None:
    """The answer, or None for any other: a proxy answers with bodies of its own."""
    try:
        return kind.model_validate_json(response.content)
    except ValidationError:
        return None
