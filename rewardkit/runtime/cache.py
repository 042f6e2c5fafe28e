"""A bounded cache of verifier results. Faults are never kept, keys are hashes, so memory is bounded."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Any


class Cache:
    """Least recently used results; safe to share between threads."""

    def __init__(self, size: int = 1_000_000) -> None:
        self.size = size
        self._results: OrderedDict[bytes, Any] = OrderedDict()
        self._lock = threading.Lock()

    def key(self, name: str, constants: dict[str, Any], arguments: tuple[Any, ...]) -> bytes:
        """A 16-byte key of a call: its function, constants and arguments."""
        text = repr((name, sorted(constants.items()), arguments))
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

    def get(self, key: bytes) -> tuple[Any] | None:
        """The result, in a tuple as it may be null; `None` where there is none."""
        with self._lock:
            if key not in self._results:
                return None
            self._results.move_to_end(key)
            return (self._results[key],)

    def put(self, key: bytes, value: Any) -> None:
        with self._lock:
            self._results[key] = value
            self._results.move_to_end(key)
            while len(self._results) > self.size:
                self._results.popitem(last=False)
