"""How calls travel: with a token, a deadline and a request id, and again where that is safe."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from tessera.errors import TesseraError
from tessera.session import Session

R = TypeVar("R", bound=Message)

FIRST_PAUSE_SECONDS = 0.1


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
        self._making = threading.Lock()
        self.session: Session | None = None

    def unary(self, method: Method[R], request: Message, timeout: float | None = None) -> R:
        """Sends one request. What fails for a moment is sent again, with the same request id, until the deadline."""
        has_request_id = "request_id" in request.DESCRIPTOR.fields_by_name
        if has_request_id and not getattr(request, "request_id"):  # noqa: B009 - the field is not of every message
            setattr(request, "request_id", str(uuid.uuid4()))  # noqa: B010
        repeatable = method.safe or has_request_id
        deadline = time.monotonic() + (self._timeout if timeout is None else timeout)
        session = None if method.public else self.session
        attempt, renewed = 1, False
        while True:
            current = session.fresh(deadline) if session else None
            try:
                return self._send(method, request, current.tokens.access_token if current else "", deadline)
            except TesseraError as error:
                if session and current and not renewed and is_refused_token(error):
                    # It ran out by the suite's clock, or a signing key was withdrawn. Nothing was done yet.
                    session.renew(current, deadline)
                    renewed = True
                    continue
                pause = max(error.retry_after or 0.0, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)) * random.uniform(1, 1.5)
                late = time.monotonic() + pause >= deadline
                if not (repeatable and error.is_transient) or attempt >= self._attempts or late:
                    raise
            attempt += 1
            time.sleep(pause)

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
        metadata = (("authorization", f"Bearer {token}"),) if token else None
        try:
            response: R = self._stub(method)(request, timeout=max(0.0, deadline - time.monotonic()), metadata=metadata)
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


def is_refused_token(error: TesseraError) -> bool:
    return error.code is grpc.StatusCode.UNAUTHENTICATED and (error.domain, error.reason) == ("erp", "UNAUTHENTICATED")


def field_mask(paths: FieldMask | Iterable[str] | None) -> FieldMask | None:
    """A mask from names of fields, for methods that change only some."""
    if paths is None or isinstance(paths, FieldMask):
        return paths
    if isinstance(paths, str):
        raise TypeError("a mask is a list of field names, not a single string")
    return FieldMask(paths=paths)
