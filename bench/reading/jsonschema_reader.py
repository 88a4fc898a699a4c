"""Reads a file of events with Python's jsonschema: `jsonschema_reader.py FOLDER FILE N`.

FOLDER has the judge of openapi/examples/json-schema-python, which picks the variant by the event's type; plain jsonschema
tries one after the other.
"""

import resource
import sys
import time
from itertools import cycle, islice
from pathlib import Path

folder, file, events = sys.argv[1:]
sys.path.insert(0, folder)

from validate import Contract, read_json  # noqa: E402

contract = Contract.read()
lines = Path(file).read_text(encoding="utf-8").splitlines()


def read(lines: list[str], events: int) -> None:
    for line in islice(cycle(lines), events):
        if contract.breaks("Event", read_json(line)):
            sys.exit("a valid event was refused")


read(lines, len(lines))
start = time.process_time_ns()
read(lines, int(events))
print(f'{{"cpu_ns":{time.process_time_ns() - start},"peak_kib":{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}}}')
