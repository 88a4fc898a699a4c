"""The testee of `cargo xtask polyglot`: judges what each line of standard input holds, and says which rules it breaks."""

import json
import sys
from typing import Any

from validate import Contract, read_json

clock = 0
contract = Contract.read(clock=lambda: clock)


def judge(asked: dict[str, Any]) -> list[dict[str, object]]:
    match asked["do"]:
        case "collect":
            breaks = contract.breaks("Event", read_json(asked["events"][0]))
        case "set_consent":
            breaks = contract.breaks("ConsentChange", read_json(asked["change"]))
        case "read_time":
            breaks = contract.breaks("UtcTimestamp", asked["text"])
        case _:
            breaks = contract.breaks("EventTime", asked["value"])
    return [{"pointer": each.pointer, "rule": each.rule, "grade": each.grade} for each in breaks]


for line in sys.stdin:
    question = json.loads(line)
    clock = question.get("now", 0)
    said: dict[str, object]
    try:
        found = judge(question)
        said = {"breaks": found} if found else {}
    except ValueError:
        said = {"refused": "reader"}
    print(json.dumps(said), flush=True)
