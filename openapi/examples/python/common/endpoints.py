"""The URLs that an operation may be sent to: credentials and personal data must not cross a network in plain text."""

from ipaddress import ip_address
from typing import Literal

import httpx

Rule = Literal["not-absolute", "user-info", "plain-http"]

_WORDS: dict[Rule, str] = {
    "not-absolute": "it is no absolute http or https URL",
    "user-info": "it holds user info, which belongs into the credentials",
    "plain-http": "it is plain http to another host than this machine",
}


class EndpointError(ValueError):
    """A URL that no operation is sent to. `rule` says why; neither the error nor its causes hold the URL."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(f"the endpoint's URL cannot be used: {_WORDS[rule]} ({rule})")
        self.rule: Rule = rule


def endpoint(url: str) -> httpx.URL:
    """Reads the whole URL of an operation. Raises EndpointError for one that is not to be used."""
    parsed = _parse(url)
    if parsed is None or parsed.scheme not in {"http", "https"} or not parsed.host:
        raise EndpointError("not-absolute")
    if parsed.userinfo:
        raise EndpointError("user-info")
    if parsed.scheme == "http" and not is_loopback(parsed.host):
        raise EndpointError("plain-http")
    return parsed


def is_loopback(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _parse(url: str) -> httpx.URL | None:
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return None
