"""JSON Schema, compiled to functions: draft 2020-12, and draft-07 where a schema says so.

Nothing outside the schema is read, patterns take linear time, and a check takes a bounded number of
steps, whatever the schema and the value.
"""

from rewardkit.library.schemas.schema import Schema, SchemaError, check_schema, compiled

__all__ = ["Schema", "SchemaError", "check_schema", "compiled"]
