"""What JSON cannot write. Python's json module would send some of it, and the server would refuse the whole request."""

import math
import re
from collections.abc import Iterator

_SURROGATE = re.compile("[\ud800-\udfff]")


def not_json(value: object, pointer: str = "") -> Iterator[str]:
    """Each place, as a JSON pointer, that holds NaN, Infinity, text that is not Unicode, or no JSON value at all."""
    if isinstance(value, str):
        if _SURROGATE.search(value):
            yield f"{pointer}: text that is not Unicode"
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield f"{pointer}: a number that is not finite"
    elif isinstance(value, dict):
        for name, member in value.items():
            place = f"{pointer}/{_printable(name)}"
            if not isinstance(name, str) or _SURROGATE.search(name):
                yield f"{place}: a name that is not Unicode"
            yield from not_json(member, place)
    elif isinstance(value, list):
        for index, element in enumerate(value):
            yield from not_json(element, f"{pointer}/{index}")
    elif not isinstance(value, int) and value is not None:
        yield f"{pointer}: a {type(value).__name__}, which JSON does not have"


def _printable(name: object) -> str:
    return str(name).replace("~", "~0").replace("/", "~1").encode("utf-8", "backslashreplace").decode()
