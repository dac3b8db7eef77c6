"""The tokens of one signed-in user: kept, sent along and renewed before they run out."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import grpc

from tessera.erp.identity.v1.auth_pb2 import TokenPair
from tessera.errors import TesseraError

# An access token is renewed this long before its end, so that none runs out on its way.
MARGIN_SECONDS = 30.0

Exchange = Callable[[str, float], TokenPair]
Listener = Callable[[TokenPair], None]


@dataclass(frozen=True, eq=False)
class Current:
    """The tokens of a session from one renewal to the next. Compared by identity: two renewals within one second may
    give the same access token.
    """

    tokens: TokenPair
    renew_at: float


class Session:
    """Safe to use from many threads. A refresh token works once, so one thread renews and the others wait for it."""

    def __init__(self, exchange: Exchange, listener: Listener | None) -> None:
        self._exchange = exchange
        self._listener = listener
        self._renewing = threading.Lock()
        # Replaced as a whole, so that reading it needs no lock.
        self._current: Current | None = None

    @property
    def tokens(self) -> TokenPair | None:
        current = self._current
        return current.tokens if current else None

    def begin(self, tokens: TokenPair) -> None:
        """Goes on with these tokens, whatever was before."""
        with self._renewing:
            self._keep(tokens)

    def end(self) -> None:
        """Forgets the tokens."""
        with self._renewing:
            self._current = None

    def current(self) -> Current | None:
        """What calls go with now; None when nobody is signed in."""
        return self._current

    def fresh(self, deadline: float) -> Current | None:
        """The same, renewed before if it is about to run out."""
        current = self._current
        return self.renew(current, deadline) if current and time.time() >= current.renew_at else current

    def renew(self, stale: Current, deadline: float) -> Current | None:
        """What follows `stale`; asks for it unless another thread has done so meanwhile."""
        if not self._renewing.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise TesseraError(grpc.StatusCode.DEADLINE_EXCEEDED, "the deadline passed while the session was renewed")
        try:
            if self._current is not stale:
                return self._current
            try:
                following = self._exchange(stale.tokens.refresh_token, deadline)
            except TesseraError as error:
                # Sent and not answered, it may be spent, and a spent one looks stolen to the suite: it is not sent
                # again. UNAVAILABLE says that nobody was there to take it.
                if error.code is not grpc.StatusCode.UNAVAILABLE:
                    self._current = None
                raise
            return self._keep(following)
        finally:
            self._renewing.release()

    def _keep(self, tokens: TokenPair) -> Current:
        copy = TokenPair()
        copy.CopyFrom(tokens)
        ends = tokens.access_expire_time.ToNanoseconds() / 1e9
        # Tokens that are over when they arrive say that this machine's clock is off: then the suite is the judge.
        renew_at = ends - MARGIN_SECONDS if ends > time.time() else math.inf
        kept = self._current = Current(copy, renew_at)
        if self._listener:
            self._listener(copy)
        return kept
