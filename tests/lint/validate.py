"""Checks OpenAPI 3.0 documents with openapi-spec-validator.

    python validate.py FILE...     prints a JSON array of findings, each with the position of its file on the command line
    python validate.py --version   prints the version of openapi-spec-validator
"""

import json
import sys
import textwrap
from collections.abc import Iterable, Iterator
from importlib.metadata import version

from jsonschema.exceptions import ValidationError, best_match
from openapi_spec_validator import OpenAPIV30SpecValidator
from openapi_spec_validator.readers import read_from_filename


def pointer(path: Iterable[object]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def short(message: object) -> str:
    """Some messages repeat the whole document."""
    return textwrap.shorten(str(message), width=200, placeholder=" ...")


def nearest(error: ValidationError) -> ValidationError:
    """What is wrong inside, where the error only says that no alternative fits."""
    while error.context:
        error = best_match(iter(error.context))
    return error


def findings(at: int, file: str) -> Iterator[dict[str, object]]:
    try:
        document, base_uri = read_from_filename(file)
        for error in OpenAPIV30SpecValidator(document, base_uri=base_uri).iter_errors():
            inner = nearest(error)
            yield {
                "file": at,
                "pointer": pointer(inner.absolute_path),
                "rule": str(inner.validator) if isinstance(inner.validator, str) else type(error).__name__,
                "problem": short(inner.message),
            }
    # A reference that leads nowhere, or text that is no YAML, is an exception: the check ends there.
    except Exception as error:
        yield {"file": at, "pointer": "", "rule": type(error).__name__, "problem": short(error)}


def main(arguments: list[str]) -> None:
    if arguments == ["--version"]:
        print(version("openapi-spec-validator"))
        return
    found = [finding for at, file in enumerate(arguments) for finding in findings(at, file)]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
