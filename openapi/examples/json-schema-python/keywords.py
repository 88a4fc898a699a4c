"""Keywords of JSON Schema as the contract means them, where the jsonschema package means something else."""

import math
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from typing import Any

from jsonschema import Draft4Validator, FormatChecker, validators
from jsonschema.exceptions import ValidationError

Errors = Iterator[ValidationError]
Schema = dict[str, Any]

FORMATS = FormatChecker(formats=())

# types-jsonschema gives it no types.
_extend: Callable[..., type[Draft4Validator]] = validators.extend


def validator_class(clock: Callable[[], int]) -> type[Draft4Validator]:
    """Validators that compare times with `clock`, in milliseconds since 1970."""

    def time_window(_: Draft4Validator, window: Schema, value: object, __: Schema) -> Errors:
        if isinstance(value, int) and not isinstance(value, bool):
            now = clock()
            if value < now - window["past"]:
                yield ValidationError("too far in the past", schema_path=["past"])
            if value > now + window["future"]:
                yield ValidationError("in the future", schema_path=["future"])

    keywords = {
        "additionalProperties": _additional_properties,
        "oneOf": _one_of,
        "pattern": _pattern,
        "required": _required,
        "x-property-limit": _property_limit,
        "x-time-window": time_window,
    }
    return _extend(Draft4Validator, keywords)


def _one_of(validator: Draft4Validator, variants: list[Schema], value: object, schema: Schema) -> Errors:
    """The variant that the discriminator names is the only one that is tried, so that its errors are told."""
    discriminator = schema.get("discriminator")
    if discriminator is None:
        yield from Draft4Validator.VALIDATORS["oneOf"](validator, variants, value, schema)
        return
    name: str = discriminator["propertyName"]
    provenance = {"x-provenance": schema.get("x-provenance", {}).get("discriminator")}
    if not isinstance(value, dict):
        yield ValidationError("no object", validator="type", validator_value="object", schema=provenance)
    elif name not in value:
        yield ValidationError("missing", validator="required", validator_value=[name], path=[name], schema=provenance)
    elif not isinstance(value[name], str):
        yield ValidationError("no string", validator="type", validator_value="string", path=[name], schema=provenance)
    elif value[name] not in discriminator["mapping"]:
        known = list(discriminator["mapping"])
        yield ValidationError(
            "unknown", validator="discriminator", validator_value=known, path=[name], schema=provenance
        )
    else:
        yield from validator.descend(value, {"$ref": discriminator["mapping"][value[name]]})


def _required(_: Draft4Validator, names: list[str], value: object, __: Schema) -> Errors:
    """An error points to the member that is missing."""
    if isinstance(value, dict):
        for name in names:
            if name not in value:
                yield ValidationError("missing", path=[name])


def _additional_properties(validator: Draft4Validator, allowed: bool | Schema, value: object, schema: Schema) -> Errors:
    """An error points to the member that is too many."""
    if not isinstance(value, dict) or allowed is True:
        return
    for name, member in value.items():
        if name in schema.get("properties", {}):
            continue
        if allowed is False:
            yield ValidationError("not listed", path=[name])
        else:
            yield from validator.descend(member, allowed, path=name)


def _pattern(_: Draft4Validator, pattern: str, value: object, __: Schema) -> Errors:
    if isinstance(value, str) and not _compiled(pattern).search(value):
        yield ValidationError("another form")


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    r"""A pattern of ECMAScript. Python's `$` takes a newline at the end as well, and its `\d` digits of all scripts."""
    parts = re.findall(r"\\.|\[(?:\\.|[^\]\\])*\]|.", pattern, re.DOTALL)
    return re.compile("".join(r"\Z" if part == "$" else part for part in parts), re.ASCII)


def _property_limit(_: Draft4Validator, limit: Schema, value: object, __: Schema) -> Errors:
    within: str = limit["within"]
    if isinstance(value, dict) and _count_keys(value.get(within)) > limit["maximum"]:
        yield ValidationError("too many properties", path=[within])


def _count_keys(value: object) -> int:
    """The keys of an object and of the objects in it."""
    return sum(1 + _count_keys(member) for member in value.values()) if isinstance(value, dict) else 0


@FORMATS.checks("int64")
def _is_int64(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


@FORMATS.checks("double", raises=OverflowError)
def _is_double(value: object) -> bool:
    return not isinstance(value, (int, float)) or math.isfinite(value)


@FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None
