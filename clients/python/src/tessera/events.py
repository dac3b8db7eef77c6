"""The event log as an endless iterator."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from types import TracebackType

import grpc

from tessera.common import EventEnvelope
from tessera.errors import TesseraError
from tessera.ops import EventLog, WatchEventsResponse
from tessera.stream import Stream

# The pause before a stream is begun anew: doubled each time in vain, and half as long again at the most, by chance.
PAUSE_SECONDS = 0.1
PAUSE_MAX_SECONDS = 10.0
# How often in a row a stream that broke is begun anew in vain: for two minutes or so.
ATTEMPTS_MAX = 16
# A stream that lasted so long was not in vain, even if nothing happened.
LASTING_SECONDS = 10.0


class EventStream(Iterator[EventEnvelope]):
    """The events of one tenant, oldest first; `next` waits for the first that is to come.

    It begins where the log ends when it is made, so that nothing is missed that happens between making it and asking
    for the first event, and goes on where it was when the suite ends the stream or the connection breaks. `types` are
    names such as `order.completed` or `order.*`; none: all. To go on after a stop, keep `cursor` and make the next
    stream with it: events handed out since it last changed come again, none is lost. `close` from any thread, or the
    end of a `with` statement, ends it.
    """

    def __init__(self, log: EventLog, types: Sequence[str] = (), cursor: str = "", backlog: int = 0) -> None:
        self._log = log
        self._types = tuple(types)
        self._backlog = backlog
        self._closed = threading.Event()
        self._stream: Stream[WatchEventsResponse] | None = None
        self._opened = 0.0
        self._begun = False
        self._vain = 0
        self._held: list[EventEnvelope] = []
        self._waiting: deque[EventEnvelope] = deque()
        self._following = cursor
        self.cursor = cursor
        """Where to go on: every event before it was handed out and then followed by a call of `next`."""
        while not self._following:
            self._receive()
        if not self._waiting:
            self.cursor = self._following

    def __next__(self) -> EventEnvelope:
        if not self._waiting:
            self.cursor = self._following
        while not self._waiting and not self._closed.is_set():
            self._receive()
        if self._closed.is_set():
            raise StopIteration
        return self._waiting.popleft()

    def close(self) -> None:
        """Ends the stream: `next` stops the iteration at once, in whatever thread it waits."""
        self._closed.set()
        stream = self._stream
        if stream is not None:
            stream.cancel()

    def __enter__(self) -> EventStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _receive(self) -> None:
        """Waits for one message, of this stream or of the one that follows it."""
        try:
            message = next(self._stream or self._open())
        except StopIteration:
            # Also after a good end there is a pause: a process that stops ends all its streams in the same moment.
            self._pause()
            return
        except TesseraError as error:
            if self._closed.is_set():
                return
            # What fails from the start is the caller's to know; it was sent again already.
            broken = error.code is grpc.StatusCode.UNAVAILABLE
            if not (broken and self._begun and self._vain < ATTEMPTS_MAX):
                raise
            self._pause()
            return
        self._take(message)

    def _open(self) -> Stream[WatchEventsResponse]:
        self._opened = time.monotonic()
        backlog = 0 if self._following else self._backlog
        # A stream that breaks in its backlog begins that anew: nothing of it was handed out yet.
        self._held.clear()
        stream = self._log.watch_events(cursor=self._following, types=self._types, backlog=backlog)
        self._stream = stream
        if self._closed.is_set():
            # Closed while it was opened, so that `close` did not see it.
            stream.cancel()
        return stream

    def _take(self, message: WatchEventsResponse) -> None:
        self._begun = True
        if message.HasField("event"):
            self._held.append(message.event)
        if message.cursor:
            if self._held:
                self._vain = 0
            self._waiting.extend(self._held)
            self._held.clear()
            self._following = message.cursor

    def _pause(self) -> None:
        self._stream = None
        if time.monotonic() - self._opened >= LASTING_SECONDS:
            self._vain = 0
        self._closed.wait(min(PAUSE_MAX_SECONDS, PAUSE_SECONDS * 2**self._vain) * random.uniform(1, 1.5))
        self._vain += 1
