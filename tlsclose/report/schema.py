"""The JSON Schema that ships in the package."""

from importlib.resources import files


def text() -> str:
    """The schema (draft 2020-12) of `--format json`; a line of jsonl is its `#/$defs/report`."""
    return files("tlsclose.report").joinpath("schema.json").read_text(encoding="utf-8")
