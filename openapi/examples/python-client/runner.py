"""Where the vectors are run, and how the cases are judged and told."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, TextIO

import httpx

from endpoints import is_loopback

SHOWN = 20


class RunError(Exception):
    """Why the vectors cannot be run, in one sentence."""


@dataclass(frozen=True)
class Settings:
    """What the environment says. The endpoints are the sandbox's own, whatever else is configured."""

    sandbox_url: str
    client_id: str
    client_secret: str = field(repr=False)
    vectors: Path
    report: Path | None

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises RunError for a variable that is missing, and for a sandbox that is not on this machine."""
        for name in ("COPILOT_SANDBOX_URL", "COPILOT_CLIENT_ID", "COPILOT_CLIENT_SECRET"):
            if not environ.get(name):
                raise RunError(f"{name} is not set: the README says how to run the vectors")
        vectors = Path(environ.get("COPILOT_VECTORS") or "../../vectors")
        if not (vectors / "timestamps.json").is_file():
            raise RunError(f"there are no vectors in {vectors}: name their folder in COPILOT_VECTORS")
        report = environ.get("COPILOT_REPORT")
        return cls(
            sandbox_url=_sandbox_url(environ["COPILOT_SANDBOX_URL"]),
            client_id=environ["COPILOT_CLIENT_ID"],
            client_secret=environ["COPILOT_CLIENT_SECRET"],
            vectors=vectors,
            report=Path(report) if report else None,
        )

    @property
    def collect_url(self) -> str:
        return f"{self.sandbox_url}/v2/collect"

    @property
    def consent_url(self) -> str:
        return f"{self.sandbox_url}/v2/api/report/user_copilot_analysis_consent_changed"


def _sandbox_url(text: str) -> str:
    """The scheme, host and port of a sandbox on this machine."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        url = None
    if url is None or url.scheme != "http" or not is_loopback(url.host):
        raise RunError(
            "COPILOT_SANDBOX_URL must be an http URL of this machine: the run sends thousands of made-up events"
            " there, and empties it"
        )
    return f"http://{url.netloc.decode('ascii')}"


def check_clock(http: httpx.Client, sandbox_url: str, now: int) -> None:
    """Raises RunError unless the sandbox stands still at the moment of the vectors."""
    response = http.get(f"{sandbox_url}/_sandbox/status").raise_for_status()
    try:
        status: object = response.json()
    except ValueError:
        status = None
    if not isinstance(status, dict):
        raise RunError(f"{sandbox_url} is no sandbox")
    if status.get("clock") != now:
        raise RunError(f"start the sandbox with --clock {now}: the vectors are judged at that moment")


class Results:
    """Judges each case, shows the first that differ, and writes all of them down if a report is asked for."""

    def __init__(self, report: Path | None) -> None:
        self.cases = 0
        self.skipped = 0
        self.differ = 0
        self._report: TextIO | None = report.open("w", encoding="utf-8") if report else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._report is not None:
            self._report.close()

    def add(self, file: str, name: str, line: Mapping[str, object], *expected: Mapping[str, object]) -> None:
        """A case, whose line of the report must have all members of one of `expected`."""
        self.cases += 1
        if not any(all(key in line and same(line[key], value) for key, value in each.items()) for each in expected):
            self.differ += 1
            if self.differ <= SHOWN:
                print(f"differs: {line['part']}, {file}, {name}")
        self.write(line)

    def write(self, line: Mapping[str, object]) -> None:
        """A line of the report that is no case."""
        if self._report is not None:
            self._report.write(json.dumps(line) + "\n")

    def summary(self) -> str:
        return f"{self.cases} cases, {self.skipped} skipped, {self.differ} differ"


def expected_answers(conforms: bool, read: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """What a client may read: the answer as it stands, or an error if the contract does not describe it."""
    errors = [] if conforms else [{"error": True}]
    if "unreadable" in read:
        return errors
    return [{name: read[name] for name in ("status", "reason", "invalid_events") if name in read}, *errors]


def same(one: object, other: object) -> bool:
    """Whether two values are the same JSON, where 5 is not 5.0 and 1 is not true."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other
