"""What can become of a request, other than success. No error holds a body: it may repeat personal data.

The three kinds have no base in common but Exception, so that sending again is decided for each.
"""

import re

_CODE = re.compile("[A-Z][A-Z0-9_.]*")


class LimitError(ValueError):
    """Nothing of the request was sent, because the server would refuse some of it. Take it out, or mend it.

    `rule` is the contract's keyword, or "json" for what JSON cannot write. `index` and `event_id` say which event of
    the request it is; a consent has none.
    """

    def __init__(self, rule: str, detail: str, *, index: int | None = None, event_id: str | None = None) -> None:
        super().__init__(detail if index is None else f"event {index}: {detail}")
        self.rule = rule
        self.index = index
        self.event_id = event_id


class CopilotError(Exception):
    """The request was refused, or failed: the answer is no success.

    With a status below 500 nothing was taken. With one of 500 or more this is not known, and sending again may count
    events twice. `reason` is the contract's code, None in the answers of proxies. Its `error_message` is left out: it
    may repeat what was sent. `retry_after` is the header as it came: seconds, or an HTTP date.
    """

    def __init__(self, status: int, *, reason: str | None = None, retry_after: str | None = None) -> None:
        # A server may write anything there, what was sent to it too: only a code is told.
        code = reason if reason and _CODE.fullmatch(reason) else "no reason given"
        super().__init__(f"Copilot.cx answered with status {status}, {code}")
        self.status = status
        self.reason = reason
        self.retry_after = retry_after


class UnreadableAnswer(Exception):
    """A success, but not in the words of the contract: what was sent may have been taken, all or part of it.

    Which events were refused is not known. Sending again may count the others twice.
    """

    def __init__(self, status: int) -> None:
        super().__init__(f"Copilot.cx answered with status {status}, but not as the contract describes it")
        self.status = status
