"""What JSON cannot write or say. Python's json module takes some of it, and the server would refuse the whole request."""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NoReturn

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


def read_json(text: str) -> Any:
    """Reads JSON. Raises ValueError for what is none, and for a name that stands twice in an object."""
    return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(members)
    if len(names) < len(members):
        raise ValueError("a name stands twice in an object")
    return names
