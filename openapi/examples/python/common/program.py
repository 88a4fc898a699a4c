"""What a small program needs around the client: its settings, and one sentence for what went wrong."""

import os
from collections.abc import Callable

import httpx

from credentials import CredentialsError
from endpoints import EndpointError
from errors import CopilotError, LimitError, UnreadableAnswer


def setting(name: str) -> str:
    """An environment variable, which must be there."""
    if name not in os.environ:
        raise SystemExit(f"{name} is not set")
    return os.environ[name]


def run(main: Callable[[], None]) -> None:
    """Runs the program, and ends it with one sentence if it fails."""
    try:
        main()
    except httpx.HTTPError as error:
        url = error.request.url
        raise SystemExit(f"no answer from {url.scheme}://{url.netloc.decode()}: {error}") from None
    except (CredentialsError, EndpointError, LimitError, CopilotError, UnreadableAnswer) as error:
        raise SystemExit(str(error)) from None
