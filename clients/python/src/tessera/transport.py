"""How calls travel: with a token, a deadline and a request id, and again where that is safe."""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from tessera.attempts import Attempts
from tessera.errors import TesseraError
from tessera.session import Session
from tessera.stream import Stream, Streaming

R = TypeVar("R", bound=Message)


@dataclass(frozen=True)
class Method(Generic[R]):
    """One method of the contracts."""

    path: str
    response: type[R]
    public: bool = False
    """Takes calls without a token."""
    safe: bool = False
    """Only reads, so that it may be sent again."""


class Transport:
    """Sends the calls of one client. Safe to use from many threads."""

    def __init__(self, channel: grpc.Channel, *, timeout: float, attempts: int) -> None:
        self._channel = channel
        self._timeout = timeout
        self._attempts = attempts
        self._stubs: dict[str, grpc.UnaryUnaryMultiCallable[Any, Any]] = {}
        self._streaming_stubs: dict[str, grpc.UnaryStreamMultiCallable[Any, Any]] = {}
        self._making = threading.Lock()
        self.session: Session | None = None

    def unary(self, method: Method[R], request: Message, timeout: float | None = None) -> R:
        """Sends one request. What fails for a moment is sent again, with the same request id, until the deadline."""
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        attempts = self._start(method, request, deadline)
        while True:
            try:
                return self._send(method, request, attempts.token(), deadline)
            except TesseraError as error:
                time.sleep(attempts.again(error))

    def stream(self, method: Method[R], request: Message, timeout: float | None = None) -> Stream[R]:
        """Sends one request and returns what the suite streams, which has no deadline unless the caller gives one.
        What fails for a moment is sent again until there is a first message.
        """
        deadline = math.inf if timeout is None else time.monotonic() + timeout

        def send(token: str) -> Streaming[R]:
            left = None if timeout is None else max(0.0, deadline - time.monotonic())
            # What grpcio returns is an iterator, which its annotations do not say.
            call: Any = self._streaming_stub(method)(request, timeout=left, metadata=_metadata(token))
            return cast("Streaming[R]", call)

        return Stream(send, self._start(method, request, deadline))

    def _start(self, method: Method[R], request: Message, deadline: float) -> Attempts:
        has_request_id = "request_id" in request.DESCRIPTOR.fields_by_name
        if has_request_id and not getattr(request, "request_id"):  # noqa: B009 - the field is not of every message
            setattr(request, "request_id", str(uuid.uuid4()))  # noqa: B010
        session = None if method.public else self.session
        most = self._attempts if method.safe or has_request_id else 1
        return Attempts(session, most=most, deadline=deadline, renewal=self._timeout)

    def pages(self, method: Method[R], request: Message, timeout: float | None = None) -> Iterator[R]:
        """Sends a request again and again, each time for the next page. The timeout is that of one page."""
        following: Any = request
        while True:
            page: Any = self.unary(method, following, timeout)
            yield page
            if not page.next_page_token:
                return
            following.page_token = page.next_page_token

    def _send(self, method: Method[R], request: Message, token: str, deadline: float) -> R:
        left = max(0.0, deadline - time.monotonic())
        try:
            response: R = self._stub(method)(request, timeout=left, metadata=_metadata(token))
        except grpc.RpcError as error:
            raise TesseraError.of(error) from error
        return response

    def _stub(self, method: Method[R]) -> grpc.UnaryUnaryMultiCallable[Any, Any]:
        with self._making:
            if method.path not in self._stubs:
                self._stubs[method.path] = self._channel.unary_unary(
                    method.path,
                    request_serializer=lambda message: message.SerializeToString(),
                    response_deserializer=method.response.FromString,
                )
            return self._stubs[method.path]

    def _streaming_stub(self, method: Method[R]) -> grpc.UnaryStreamMultiCallable[Any, Any]:
        with self._making:
            if method.path not in self._streaming_stubs:
                self._streaming_stubs[method.path] = self._channel.unary_stream(
                    method.path,
                    request_serializer=lambda message: message.SerializeToString(),
                    response_deserializer=method.response.FromString,
                )
            return self._streaming_stubs[method.path]


def _metadata(token: str) -> tuple[tuple[str, str], ...] | None:
    return (("authorization", f"Bearer {token}"),) if token else None


def field_mask(paths: FieldMask | Iterable[str] | None) -> FieldMask | None:
    """A mask from names of fields, for methods that change only some."""
    if paths is None or isinstance(paths, FieldMask):
        return paths
    if isinstance(paths, str):
        raise TypeError("a mask is a list of field names, not a single string")
    return FieldMask(paths=paths)
