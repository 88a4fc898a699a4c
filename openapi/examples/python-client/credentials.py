"""HTTP Basic authentication as the contract has it: UTF-8, padded standard base64, and an id without a colon."""

import unicodedata
from typing import Literal

import httpx

Rule = Literal["empty", "colon", "control-character"]


class CredentialsError(ValueError):
    """Credentials that cannot work. `rule` says why; the message never repeats them."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(f"the credentials cannot work: {rule}")
        self.rule: Rule = rule


def basic_auth(client_id: str, client_secret: str) -> httpx.BasicAuth:
    """Writes `Authorization` into each request. Raises CredentialsError for what the server could only refuse."""
    if not client_id or not client_secret:
        raise CredentialsError("empty")
    if any(unicodedata.category(character) == "Cc" for character in client_id + client_secret):
        raise CredentialsError("control-character")
    if ":" in client_id:
        raise CredentialsError("colon")
    return httpx.BasicAuth(client_id, client_secret)
