"""The client: one connection, one signed-in user, all domains."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from urllib.parse import urlsplit

import grpc

from tessera.domains import Domains
from tessera.events import EventStream
from tessera.identity import LoginResponse, RefreshTokenRequest, RefreshTokenResponse, SignUpResponse, TokenPair
from tessera.session import Session
from tessera.transport import Method, Transport

# The refresh has no method of its own among the domains' that would do: theirs leave the session as it is.
_REFRESH = Method("/erp.identity.v1.AuthService/RefreshToken", RefreshTokenResponse, public=True)
PORTS = {"http": 80, "https": 443}


class Client(Domains):
    """Talks to one suite. Safe to use from many threads; close it, or use it in a `with` statement.

    `address` is `http://host:port` for plaintext or `https://host:port` for TLS, with the authorities grpcio trusts
    unless `root_certificates` (PEM) names others. `timeout` is the deadline of a call in seconds, all its attempts
    together; `attempts` is how often at most a call is sent that failed for a moment. `tokens` goes on with a session
    that was saved; `on_tokens` is told every new pair, so that it can be: of each pair the refresh token works once.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout: float = 30.0,
        attempts: int = 3,
        root_certificates: bytes | None = None,
        tokens: TokenPair | None = None,
        on_tokens: Callable[[TokenPair], None] | None = None,
    ) -> None:
        self.channel = _channel(address, root_certificates)
        """For stubs of one's own making."""
        self._transport = Transport(self.channel, timeout=timeout, attempts=attempts)
        self._timeout = timeout
        self._session = Session(self._exchange, on_tokens)
        self._transport.session = self._session
        super().__init__(self._transport)
        if tokens is not None:
            self._session.begin(tokens)

    @property
    def tokens(self) -> TokenPair | None:
        """The session's tokens now; None when nobody is signed in."""
        return self._session.tokens

    def sign_up(
        self, *, company_name: str, slug: str, email: str, password: str, base_currency: str, display_name: str = ""
    ) -> SignUpResponse:
        """Founds a tenant and goes on as its first user."""
        response = self.identity.auth.sign_up(
            company_name, slug, email, password, base_currency, display_name=display_name
        )
        self._session.begin(response.tokens)
        return response

    def login(self, email: str, password: str, *, tenant_slug: str = "") -> LoginResponse:
        """Signs in and goes on as that user. `tenant_slug` is needed when the same login fits in several tenants."""
        response = self.identity.auth.login(email, password, tenant_slug=tenant_slug)
        self._session.begin(response.tokens)
        return response

    def refresh(self) -> None:
        """Renews the tokens now, such as after a role was changed. Calls do so by themselves when it is time."""
        current = self._session.current()
        if current is not None:
            self._session.renew(current, time.monotonic() + self._timeout)

    def logout(self) -> None:
        """Ends the session in the suite and forgets its tokens."""
        tokens = self._session.tokens
        if tokens is None:
            return
        try:
            self.identity.auth.logout(tokens.refresh_token)
        finally:
            self._session.end()

    def follow(self, *types: str, cursor: str = "", backlog: int = 0) -> EventStream:
        """The tenant's events as they happen, from now on; see EventStream."""
        return EventStream(self.ops.event_log, types, cursor, backlog)

    def close(self) -> None:
        """Closes the connection. The session stays, for a client to come."""
        self.channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exchange(self, refresh_token: str, deadline: float) -> TokenPair:
        request = RefreshTokenRequest(refresh_token=refresh_token)
        return self._transport.unary(_REFRESH, request, max(0.0, deadline - time.monotonic())).tokens


def _channel(address: str, root_certificates: bytes | None) -> grpc.Channel:
    parts = urlsplit(address)
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.username:
        raise ValueError(f"an address is http://host:port or https://host:port, not {address!r}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    target = f"dns:///{host}:{parts.port or PORTS[parts.scheme]}"
    # A page of 1,000 records may be larger than the 4 MiB that are taken otherwise. A connection that went silent is
    # found out by pings, and only while calls are under way, which servers allow.
    options: Sequence[tuple[str, int | str]] = (
        ("grpc.max_receive_message_length", 64 * 1024 * 1024),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.primary_user_agent", "tessera-python"),
    )
    if parts.scheme == "http":
        if root_certificates is not None:
            raise ValueError("certificates need an address that begins with https://")
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(root_certificates), options)
