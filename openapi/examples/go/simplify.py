"""Writes the contract in the form that openapi-generator turns into right code. Reads one file, writes another.

Only what this generator gets wrong is changed, and no event looks different for it:

- The alternatives of an `anyOf` become schemas with names: the generator warns of each that has none.
- The examples of requests and answers go: the generator warns of each that is written in place.
"""

import json
import sys
from pathlib import Path
from typing import Any


def simplify_alternatives(schemas: dict[str, Any]) -> int:
    changes = 0
    for name, schema in list(schemas.items()):
        for position, alternative in enumerate(schema.get("anyOf", [])):
            if "$ref" not in alternative:
                part = name + alternative["type"].capitalize()
                if part in schemas:
                    raise SystemExit(f"{part} is the name of another schema")
                schemas[part] = alternative
                schema["anyOf"][position] = {"$ref": f"#/components/schemas/{part}"}
                changes += 1
    return changes


def drop_examples(part: Any) -> int:
    if isinstance(part, list):
        return sum(map(drop_examples, part))
    if not isinstance(part, dict):
        return 0
    changes = 0
    for media in part.get("content", {}).values():
        changes += media.pop("examples", None) is not None
    return changes + sum(map(drop_examples, part.values()))


def main(source: str, target: str) -> None:
    contract = json.loads(Path(source).read_text(encoding="utf-8"))
    components = contract["components"]
    changes = simplify_alternatives(components["schemas"])
    changes += drop_examples(contract["paths"]) + drop_examples(components["responses"])
    if changes == 0:
        raise SystemExit(f"{source}: nothing to simplify; leave this step out")
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(json.dumps(contract, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
