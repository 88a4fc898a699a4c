"""Judges every vector of events, consents and timestamps, and compares the verdict and the rules with the vector's."""

import json
import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from validate import Contract, read_json

SHOWN = 20
TIMES = "timestamps.json"
TEXTS = "texts.json"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


class Judged(NamedTuple):
    """A case: its file, its line of the report, and whether that is what the vector says."""

    file: str
    line: dict[str, Any]
    agrees: bool


def judge_bodies(folder: Path, file: str) -> Iterator[Judged]:
    vectors = read_json((folder / file).read_bytes())
    contract = Contract.read(clock=lambda: vectors["now"])
    for case in vectors["cases"]:
        breaks = contract.breaks(vectors["schema"], case["body"])
        told = [{"pointer": each.pointer, "rule": each.rule, "grade": each.grade} for each in breaks]
        line = {"part": "event", "file": file, "name": case["name"], "valid": not breaks, "breaks": told}
        agrees = case["valid"] is (not breaks) and in_order(told) == in_order(case.get("breaks", []))
        yield Judged(file, {**line, "by": "validator"} if breaks else line, agrees)


def judge_texts(folder: Path) -> Iterator[Judged]:
    vectors = read_json((folder / TEXTS).read_bytes())
    contract = Contract.read(clock=lambda: vectors["now"])
    for case in vectors["cases"]:
        line = {"part": "event", "file": TEXTS, "name": case["name"]}
        try:
            value = read_json(case["text"])
        except ValueError:
            yield Judged(TEXTS, {**line, "valid": False, "by": "reader"}, not case["valid"])
            continue
        breaks = contract.breaks("Event" if case["operation"] == "collect" else "ConsentChange", value)
        told = [{"pointer": each.pointer, "rule": each.rule, "grade": each.grade} for each in breaks]
        # Of what is no JSON, only the verdict counts.
        agrees = not case["valid"] if "json" in case else in_order(told) == in_order(case.get("breaks", []))
        yield Judged(TEXTS, {**line, "valid": not breaks, "by": "validator", "breaks": told}, agrees)


def in_order(breaks: list[dict[str, Any]]) -> list[str]:
    return sorted(json.dumps(each, sort_keys=True) for each in breaks)


def judge_times(folder: Path) -> Iterator[Judged]:
    vectors = read_json((folder / TIMES).read_bytes())
    contract = Contract.read(clock=lambda: vectors["now"])
    for case in vectors["utc"]:
        is_valid = not contract.breaks("UtcTimestamp", case["text"])
        found: dict[str, object] = {"epoch_ms": to_millis(case["text"])} if is_valid else {"refused": True}
        expected = {"epoch_ms": case["epoch_ms"]} if case["valid"] else {"refused": True}
        yield Judged(TIMES, {"part": "time", "name": case["name"], **found}, found == expected)
    for case in vectors["epoch"]:
        is_valid = not contract.breaks("EventTime", case["value"])
        found = {"text": to_text(case["value"])} if is_valid else {"refused": True}
        expected = {"text": case["text"]} if case["valid"] else {"refused": True}
        yield Judged(TIMES, {"part": "time", "name": case["name"], **found}, found == expected)


def to_millis(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // MILLISECOND


def to_text(millis: int) -> str:
    return (EPOCH + millis * MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_report(file: Path, cases: list[Judged]) -> None:
    # wrong_field.json has a misspelt field: see `refuses` in commands.json.
    lines = [*(case.line for case in cases), {"part": "wrong_field", "by": "validator"}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def main() -> None:
    folder = Path(os.environ.get("COPILOT_VECTORS") or "../../vectors")
    if not (folder / TIMES).is_file():
        print(f"there are no vectors in {folder}: name their folder in COPILOT_VECTORS", file=sys.stderr)
        sys.exit(2)
    files = [f"events/{file.name}" for file in sorted(folder.glob("events/*.json"))]
    cases = [case for file in [*files, "consent.json"] for case in judge_bodies(folder, file)]
    cases += judge_texts(folder)
    cases += judge_times(folder)
    if report := os.environ.get("COPILOT_REPORT"):
        write_report(Path(report), cases)
    differing = [case for case in cases if not case.agrees]
    for case in differing[:SHOWN]:
        print(f"differs: {case.line['part']}, {case.file}, {case.line['name']}")
    print(f"{len(cases)} cases, 0 skipped, {len(differing)} differ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
