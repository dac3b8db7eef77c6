"""What the suite streams, as an iterator."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, TypeVar

import grpc

from tessera.attempts import Attempts
from tessera.errors import TesseraError

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)


class Streaming(Protocol[M_co]):
    """A call of grpcio that is under way."""

    def __next__(self) -> M_co: ...

    def cancel(self) -> object: ...


class Stream(Iterator[M]):
    """The messages of one call, as they arrive. The call is sent when it is made; a `with` statement, or `cancel` from
    any thread, ends it. A failure is raised as a TesseraError, also one behind some messages.
    """

    def __init__(self, send: Callable[[str], Streaming[M]], attempts: Attempts) -> None:
        self._send = send
        self._attempts = attempts
        self._begun = False
        self._cancelled = threading.Event()
        self._call: Streaming[M] | None = None
        self._sent()

    def __next__(self) -> M:
        while True:
            call = self._call
            if call is None:
                raise StopIteration
            try:
                message = next(call)
            except grpc.RpcError as error:
                self._call = None
                failure = TesseraError.of(error)
                self._repeat(failure, error)
                continue
            except StopIteration:
                self._call = None
                raise
            self._begun = True
            return message

    def cancel(self) -> None:
        """Ends the call; a `next` that waits, in whatever thread, raises CANCELLED at once."""
        self._cancelled.set()
        call = self._call
        if call is not None:
            call.cancel()

    def __enter__(self) -> Stream[M]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cancel()

    def _sent(self) -> None:
        call = self._send(self._attempts.token())
        self._call = call
        if self._cancelled.is_set():
            # Cancelled while it was sent, so that `cancel` did not see it.
            call.cancel()

    def _repeat(self, failure: TesseraError, cause: Exception) -> None:
        """Sends the request again, unless a message was received: then it is the caller's to go on behind it."""
        if self._begun or self._cancelled.is_set():
            raise failure from cause
        if self._cancelled.wait(self._attempts.again(failure)):
            raise TesseraError(grpc.StatusCode.CANCELLED, "the call was cancelled") from cause
        self._sent()
