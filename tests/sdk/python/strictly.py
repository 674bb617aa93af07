"""Answers held against the SDKs' own models."""

from pydantic import BaseModel


def strict(value):
    """The SDK takes what it gets; here what is missing, mistyped or unknown to its models is a failure."""
    known(type(value).model_validate(value.model_dump(by_alias=True, exclude_unset=True)))
    return value


def known(value):
    if isinstance(value, BaseModel):
        assert not value.model_extra, f"{type(value).__name__}: {sorted(value.model_extra)}"
        value = {name: getattr(value, name) for name in value.model_fields_set}
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        known(inner)
