"""Folds BuildKit's ``--progress=rawjson`` events into lines for people, and into the reason of a failure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

__all__ = ["BuildProgress"]

_KEPT_LOG_LINES: Final = 25
_MAX_LINE: Final = 400
_MAX_NAME: Final = 96
_MOUNTS: Final = re.compile(r"--mount=\S+ ")


@dataclass(slots=True)
class _Step:
    name: str
    done: bool = False
    cached: bool = False
    error: str = ""
    log: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LOG_LINES))


@dataclass(slots=True)
class BuildProgress:
    """What a build has done so far. Feed it each line of BuildKit's standard error."""

    _steps: dict[str, _Step] = field(default_factory=dict)
    _noise: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LOG_LINES))

    def feed(self, line: str) -> list[str]:
        """Take one line and return what is worth telling a person now."""
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if not isinstance(event, dict):
            # buildctl's own words, as its final error
            if line.strip():
                self._noise.append(line.strip()[:_MAX_LINE])
            return []
        news: list[str] = []
        for vertex in _objects(event.get("vertexes")):
            news += self._vertex(vertex)
        for log in _objects(event.get("logs")):
            self._log(log)
        return news

    @property
    def failure(self) -> str:
        """The failed step with the end of its output, or buildctl's own last words."""
        for step in self._steps.values():
            if step.error and "canceled" not in step.error:
                return "\n".join([f"{step.name}: {step.error}", *step.log])
        return "\n".join(self._noise)

    @property
    def executed(self) -> int:
        """How many steps ran rather than came from the cache."""
        return sum(step.done and not step.cached and not step.error for step in self._steps.values())

    def _vertex(self, vertex: dict[str, Any]) -> list[str]:
        # a RUN's mounts say little to a reader, and would push its command off the line
        name = _MOUNTS.sub("", " ".join(str(vertex.get("name", "")).split()))
        digest = str(vertex.get("digest", ""))
        news: list[str] = []
        step = self._steps.get(digest)
        if step is None:
            step = self._steps[digest] = _Step(name if len(name) <= _MAX_NAME else f"{name[: _MAX_NAME - 1]}…")
        if vertex.get("error"):
            step.error = str(vertex["error"])
        if vertex.get("completed") and not step.done:
            step.done = True
            step.cached = bool(vertex.get("cached"))
            if step.name.startswith("[") and not step.name.startswith("[internal]"):
                news.append(f"{'cached' if step.cached else 'done'}  {step.name}")
        return news

    def _log(self, log: dict[str, Any]) -> None:
        step = self._steps.get(str(log.get("vertex", "")))
        if step is None:
            return
        try:
            text = base64.b64decode(str(log.get("data", "")), validate=True).decode("utf-8", "replace")
        except binascii.Error:
            return
        step.log.extend(line[:_MAX_LINE] for line in text.splitlines() if line.strip())


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
