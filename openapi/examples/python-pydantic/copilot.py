"""A client of the two operations: the generated models, sent with httpx."""

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus

import httpx
from pydantic import MISSING, BaseModel, ValidationError

from credentials import basic_header
from generated.models import ApiError, CollectRequest, CollectResponse, ConsentChange, Event, InvalidEvent
from limits import check_event
from timestamps import now_millis


class CopilotError(Exception):
    """An answer other than success. A status of 500 or more leaves open whether events were taken."""

    def __init__(self, response: httpx.Response, because: str = "") -> None:
        self.status = response.status_code
        self.retry_after: str | None = response.headers.get("Retry-After")
        self.reason: str | None = None
        self.error_message: str | None = None
        try:
            error = ApiError.model_validate_json(response.content)
        except ValidationError:
            pass  # A proxy answers with bodies of its own.
        else:
            self.reason = error.reason
            self.error_message = None if error.error_message is MISSING else error.error_message
        super().__init__(f"status {self.status}, {because or self.reason or 'no reason given'}")


class UnreadableAnswer(CopilotError):
    """Success, but not in the words of the contract: events were taken, and which were refused is not known."""


class Copilot:
    """Sends events and consents. One `httpx.Client` brings the connections, the timeouts and the proxy settings."""

    def __init__(
        self,
        http: httpx.Client,
        *,
        client_id: str,
        client_secret: str,
        collect_url: str,
        consent_url: str,
        clock: Callable[[], int] = now_millis,
    ) -> None:
        """Raises CredentialsError for credentials that cannot work. The URLs are whole, with their paths."""
        self._http = http
        self._authorization = basic_header(client_id, client_secret)
        self._collect_url = collect_url
        self._consent_url = consent_url
        self._clock = clock

    def collect(self, events: Sequence[Event]) -> list[InvalidEvent]:
        """Reports events. Returns those that were refused; all others were taken.

        Raises LimitError, or ValueError for NaN and Infinity, before anything is sent; CopilotError if the whole
        request failed; httpx.HTTPError if no answer came. Sending again after a lost answer may count events twice.
        """
        now = self._clock()
        for event in events:
            check_event(event, now)
        response = self._post(self._collect_url, CollectRequest(events=list(events)))
        if response.status_code != HTTPStatus.OK:
            raise CopilotError(response)
        try:
            answer = CollectResponse.model_validate_json(response.content)
        except ValidationError as error:
            raise UnreadableAnswer(response, "not the JSON that the contract describes") from error
        return [] if answer.invalid_events is MISSING else answer.invalid_events

    def set_consent(self, change: ConsentChange) -> int:
        """Reports a user's consent. Returns the status, 200 or 204. Raises as `collect` does."""
        response = self._post(self._consent_url, change)
        if response.status_code not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
            raise CopilotError(response)
        return response.status_code

    def _post(self, url: str, model: BaseModel) -> httpx.Response:
        # Not model_dump_json, which would write null for NaN. This raises ValueError.
        body = json.dumps(model.model_dump(), allow_nan=False)
        headers = {"Authorization": self._authorization, "Content-Type": "application/json"}
        return self._http.post(url, content=body, headers=headers)
