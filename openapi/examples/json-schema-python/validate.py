"""Judges JSON by the contract: JSON Schema draft 4, as OpenAPI 3.0 means it, and what the contract adds to it.

As a library, `Contract.read().breaks("Event", event)` lists the rules that a value breaks. As a command,

    python validate.py Event < event.json

prints them, one a line, and exits with 1 if there are any.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from json import dumps, loads
from pathlib import Path
from typing import Any, NoReturn, Self

from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError
from referencing import Registry
from referencing.jsonschema import DRAFT4, SchemaRegistry

from keywords import FORMATS, validator_class

CONTRACT = Path(__file__).resolve().parent / "../../copilot.json"

_URI = "urn:copilot-contract"
# A number is judged by the first of these only: what is no integer has no bounds to break.
_NUMBERS = ["type", "format", "minimum", "maximum", "x-time-window"]
_AFTER = {rule: _NUMBERS[:place] for place, rule in enumerate(_NUMBERS)}


@dataclass(frozen=True, slots=True)
class Break:
    """A rule that a value breaks. It never repeats the value, which may be personal data."""

    pointer: str
    """Where, as a JSON pointer. A missing member is named as if it stood there."""
    rule: str
    """The keyword of the contract."""
    wanted: Any
    """What the contract says behind the keyword."""
    grade: str | None
    """How sure the rule is: seed, documented, observed or assumed. None if the contract does not say."""

    def words(self) -> str:
        """All of it in one line."""
        return f"{self.pointer or 'the whole'}: {self.rule} ({self.grade}): {self.wanted}"


def now_millis() -> int:
    """This machine's clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Contract:
    """The contract, ready to judge."""

    def __init__(self, document: dict[str, Any], clock: Callable[[], int] = now_millis) -> None:
        """`document` is the OpenAPI document as copilot.json holds it; `clock` is what times are compared with."""
        self.schemas = frozenset(document["components"]["schemas"])
        registry: SchemaRegistry = Registry()
        self._registry = registry.with_resource(_URI, DRAFT4.create_resource(document))
        self._class = validator_class(clock)
        self._validators: dict[str, Draft4Validator] = {}

    @classmethod
    def read(cls, file: Path = CONTRACT, clock: Callable[[], int] = now_millis) -> Self:
        """Reads copilot.json. Raises OSError, or ValueError if it is no JSON."""
        return cls(read_json(file.read_bytes()), clock)

    def breaks(self, schema: str, value: object) -> list[Break]:
        """The rules of the named schema that a value breaks, none if it is valid. Raises KeyError for another name."""
        if schema not in self.schemas:
            raise KeyError(schema)
        if schema not in self._validators:
            reference = {"$ref": f"{_URI}#/components/schemas/{schema}"}
            self._validators[schema] = self._class(reference, registry=self._registry, format_checker=FORMATS)
        found = [_to_break(error) for error in self._validators[schema].iter_errors(value)]
        told = {(each.pointer, each.rule) for each in found}
        return [each for each in found if not any((each.pointer, rule) in told for rule in _AFTER.get(each.rule, ()))]


def read_json(text: str | bytes) -> Any:
    """Reads JSON as the contract wants it, which Python does not by itself.

    Raises ValueError for what is none, NaN and half of a pair of surrogates included, and for a name that stands twice in
    an object (`x-unique-names`).
    """
    value = loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    dumps(value, ensure_ascii=False).encode()  # raises a ValueError for half of a pair of surrogates
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


def _unique(members: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(members)
    if len(names) < len(members):
        raise ValueError("a name stands twice in an object")
    return names


def _to_break(error: ValidationError) -> Break:
    names = (str(name).replace("~", "~0").replace("/", "~1") for name in error.absolute_path)
    return Break("".join(f"/{name}" for name in names), str(error.validator), error.validator_value, _grade(error))


def _grade(error: ValidationError) -> str | None:
    """The grade of the keyword, or of its part: one for all of the schema's keywords, or one for each."""
    provenance = error.schema.get("x-provenance") if isinstance(error.schema, dict) else None
    if not isinstance(provenance, dict):
        return provenance
    part = f"{error.validator}/{error.schema_path[-1]}" if error.schema_path else ""
    return provenance.get(part, provenance.get(error.validator))


def main() -> None:
    contract = Contract.read()
    if len(sys.argv) != 2 or sys.argv[1] not in contract.schemas:
        sys.exit(f"usage: validate.py SCHEMA < FILE, where SCHEMA is one of {', '.join(sorted(contract.schemas))}")
    breaks = contract.breaks(sys.argv[1], read_json(sys.stdin.buffer.read()))
    print("\n".join(found.words() for found in breaks) or "valid")
    sys.exit(1 if breaks else 0)


if __name__ == "__main__":
    main()
