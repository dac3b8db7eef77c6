"""The event log as an endless iterator."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from tessera.common import EventEnvelope
from tessera.ops import EventLog

WAIT_MS = 20_000


class EventStream(Iterator[EventEnvelope]):
    """The events of one tenant, oldest first; `next` waits for the first that is to come.

    It begins where the log ends when it is made, so that nothing is missed that happens between making it and asking
    for the first event. `types` are names such as `order.completed` or `order.*`; none: all. To go on after a stop,
    keep `cursor` and make the next stream with it: events handed out since it last changed come again, none is lost.
    """

    def __init__(self, log: EventLog, types: Sequence[str] = (), cursor: str = "", backlog: int = 0) -> None:
        self._log = log
        self._types = tuple(types)
        self._waiting: deque[EventEnvelope] = deque()
        self._following = cursor
        self.cursor = cursor
        """Where to go on: every event before it was handed out and then followed by a call of `next`."""
        if not cursor:
            self._fetch(backlog=backlog, wait_ms=0)

    def __next__(self) -> EventEnvelope:
        while not self._waiting:
            self.cursor = self._following
            self._fetch(backlog=0, wait_ms=WAIT_MS)
        return self._waiting.popleft()

    def _fetch(self, *, backlog: int, wait_ms: int) -> None:
        answer = self._log.tail_events(
            cursor=self._following,
            types=self._types,
            backlog=backlog,
            wait_ms=wait_ms,
            # The wait is the suite's; what comes on top is the way there and back.
            timeout=wait_ms / 1000 + 10,
        )
        self._waiting.extend(answer.events)
        self._following = answer.next_cursor
        if not self.cursor and not self._waiting:
            self.cursor = answer.next_cursor
