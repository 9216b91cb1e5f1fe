"""A hypothesis strategy for the values that a contract's schema allows, for the keywords that our contracts use."""

from datetime import UTC

from hypothesis import strategies as st

from unichat.contract.pointers import find

_FORMATS = {
    "uuid": st.uuids().map(str),
    "date-time": st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat()),
    "date": st.dates().map(str),
}
_TYPES = {
    "null": lambda schema: st.none(),
    "boolean": lambda schema: st.booleans(),
    "integer": lambda schema: st.integers(schema.get("minimum", -(2**53)), schema.get("maximum", 2**53)),
    "string": lambda schema: _texts(schema),
}


def from_schema(document, schema):
    """Values that the schema allows: what it leaves free is an empty object."""
    if "$ref" in schema:
        return st.deferred(lambda: from_schema(document, find(document, schema["$ref"].removeprefix("#"))))
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return st.one_of([from_schema(document, part) for part in schema[keyword]])
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    types = schema.get("type", "object")
    return st.one_of([_from_type(document, schema, name) for name in ([types] if isinstance(types, str) else types)])


def _from_type(document, schema, name):
    if name == "array":
        items = from_schema(document, schema.get("items", {}))
        return st.lists(items, min_size=schema.get("minItems", 0), max_size=min(2, schema.get("maxItems", 2)))
    if name == "object":
        properties = {key: from_schema(document, value) for key, value in schema.get("properties", {}).items()}
        required = set(schema.get("required", ()))
        return st.fixed_dictionaries(
            {key: value for key, value in properties.items() if key in required},
            optional={key: value for key, value in properties.items() if key not in required},
        )
    return _TYPES[name](schema)


def _texts(schema):
    if "format" in schema:
        return _FORMATS[schema["format"]]
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    return st.text(min_size=schema.get("minLength", 0), max_size=20)
