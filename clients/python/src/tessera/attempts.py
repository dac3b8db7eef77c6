"""What is sent again, and when."""

from __future__ import annotations

import random
import time

import grpc

from tessera.errors import TesseraError
from tessera.session import Current, Session

FIRST_PAUSE_SECONDS = 0.1


class Attempts:
    """What was tried of one call, and whether it is tried once more."""

    def __init__(self, session: Session | None, *, most: int, deadline: float, renewal: float) -> None:
        self._session = session
        self._most = most
        self._deadline = deadline
        self._renewal = renewal
        self._made = 1
        self._renewed = False
        self._current: Current | None = None

    def token(self) -> str:
        """What the next attempt goes with."""
        self._current = self._session.fresh(self._until()) if self._session else None
        return self._current.tokens.access_token if self._current else ""

    def again(self, error: TesseraError) -> float:
        """After how many seconds to try again. Raises the error when that is of no use or too late."""
        if self._session and self._current and not self._renewed and is_refused_token(error):
            # It ran out by the suite's clock, or a signing key was withdrawn. Nothing was done yet.
            self._session.renew(self._current, self._until())
            self._renewed = True
            return 0.0
        pause = max(error.retry_after or 0.0, FIRST_PAUSE_SECONDS * 2.0 ** (self._made - 1)) * random.uniform(1, 1.5)
        if not error.is_transient or self._made >= self._most or time.monotonic() + pause >= self._deadline:
            raise error
        self._made += 1
        return pause

    def _until(self) -> float:
        """When the renewal of a token must be over: a stream without a deadline must not wait for it for ever."""
        return min(self._deadline, time.monotonic() + self._renewal)


def is_refused_token(error: TesseraError) -> bool:
    return error.code is grpc.StatusCode.UNAUTHENTICATED and (error.domain, error.reason) == ("erp", "UNAUTHENTICATED")
