"""HTTP Basic authentication as the contract has it: UTF-8, padded standard base64, and an id without a colon."""

import unicodedata
from base64 import b64encode
from typing import Literal

Rule = Literal["empty", "colon", "control-character"]


class CredentialsError(ValueError):
    """Credentials that cannot work. `rule` says why; the message never repeats them."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(f"the credentials cannot work: {rule}")
        self.rule: Rule = rule


def basic_header(client_id: str, client_secret: str) -> str:
    """The value of `Authorization`. Raises CredentialsError for credentials that the server could only refuse."""
    if not client_id or not client_secret:
        raise CredentialsError("empty")
    if any(unicodedata.category(character) == "Cc" for character in client_id + client_secret):
        raise CredentialsError("control-character")
    if ":" in client_id:
        raise CredentialsError("colon")
    return "Basic " + b64encode(f"{client_id}:{client_secret}".encode()).decode("ascii")
