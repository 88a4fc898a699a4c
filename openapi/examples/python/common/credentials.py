"""HTTP Basic authentication as the contract has it: UTF-8, padded standard base64, and an id without a colon."""

import unicodedata
from typing import Literal

import httpx

Rule = Literal["empty", "not-unicode", "control-character", "colon"]


class CredentialsError(ValueError):
    """Credentials that cannot work. `rule` says why; neither the error nor its causes hold them."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(f"the credentials cannot work: {rule}")
        self.rule: Rule = rule


def basic_auth(client_id: str, client_secret: str) -> httpx.BasicAuth:
    """Writes `Authorization` into each request. Raises CredentialsError for what the server could only refuse."""
    if not client_id or not client_secret:
        raise CredentialsError("empty")
    categories = {unicodedata.category(character) for character in client_id + client_secret}
    # A lone surrogate. The environment gives one for each byte that is not UTF-8.
    if "Cs" in categories:
        raise CredentialsError("not-unicode")
    if "Cc" in categories:
        raise CredentialsError("control-character")
    if ":" in client_id:
        raise CredentialsError("colon")
    return httpx.BasicAuth(client_id, client_secret)
