"""The language server. What it knows is in plain functions; `server` wires them to the protocol."""
