"""What went wrong with a call, decoded from what the suite sends along."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Violation:
    """One field of a request that breaks a rule."""

    field: str
    """Where, such as `account.display_name`."""
    description: str
    """What must hold, for a person."""


class TesseraError(Exception):
    """A call failed. `reason` and `domain` say why, in words that stay the same from release to release."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        domain: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: tuple[Violation, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        """Such as `STALE_ETAG`; empty when the suite itself was not reached."""
        self.domain = domain
        """Whose reason it is: `erp` of every service, `erp.orders` of one domain."""
        self.metadata: Mapping[str, str] = MappingProxyType(dict(metadata or {}))
        """Values that belong to the reason, such as the permission that is missing."""
        self.violations = violations
        """Every field that breaks a rule; empty unless the code is INVALID_ARGUMENT."""
        self.retry_after = retry_after
        """After how many seconds the same call may be sent again; None: it would fail again."""

    def __str__(self) -> str:
        name = f"{self.code.name} ({self.domain}/{self.reason})" if self.reason else self.code.name
        broken = "; ".join(f"{violation.field}: {violation.description}" for violation in self.violations)
        return f"{name}: {self.message}" + (f" [{broken}]" if broken else "")

    @property
    def is_transient(self) -> bool:
        """Whether the same call may succeed later."""
        return self.retry_after is not None or self.code is grpc.StatusCode.UNAVAILABLE

    @classmethod
    def of(cls, error: grpc.RpcError) -> TesseraError:
        """Reads what a failed call of grpcio carries."""
        if not isinstance(error, grpc.Call):
            return cls(grpc.StatusCode.UNKNOWN, str(error))
        status = _status(error)
        info = next(_details(status, error_details_pb2.ErrorInfo), None)
        retry = next(_details(status, error_details_pb2.RetryInfo), None)
        return cls(
            error.code() or grpc.StatusCode.UNKNOWN,
            error.details() or "",
            reason=info.reason if info else "",
            domain=info.domain if info else "",
            metadata=dict(info.metadata) if info else None,
            violations=tuple(
                Violation(violation.field, violation.description)
                for request in _details(status, error_details_pb2.BadRequest)
                for violation in request.field_violations
            ),
            retry_after=retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
        )


def _status(error: grpc.Call) -> status_pb2.Status | None:
    try:
        status: status_pb2.Status | None = rpc_status.from_call(error)
    except (ValueError, DecodeError):
        # What a proxy on the way made up must not hide the code of the failure.
        return None
    return status


def _details(status: status_pb2.Status | None, kind: type[M]) -> Iterator[M]:
    for detail in status.details if status else ():
        found = kind()
        if detail.Unpack(found):
            yield found
