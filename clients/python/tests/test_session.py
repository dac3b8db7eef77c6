"""Tokens, deadlines and addresses."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from tessera import Client, TesseraError
from tessera.identity import TokenPair

THREADS = 20


def call_at_once(client: Client) -> list[object]:
    """What that many threads get that call in the same moment."""
    ready = threading.Barrier(THREADS)

    def call(_: int) -> object:
        ready.wait()
        try:
            return client.identity.auth.get_current_user().user.email
        except TesseraError as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(call, range(THREADS)))


def copy(tokens: TokenPair | None) -> TokenPair:
    assert tokens is not None
    made = TokenPair()
    made.CopyFrom(tokens)
    return made


@pytest.mark.parametrize("knows", ["the client knows it", "only the suite knows it"])
def test_an_expired_token_is_renewed_once(address: str, client: Client, knows: str) -> None:
    # Twenty threads that meet an expired token must spend the refresh token once: a second time would end the session.
    expired = copy(client.tokens)
    email = client.identity.auth.get_current_user().user.email
    if knows == "the client knows it":
        expired.access_expire_time.FromNanoseconds(time.time_ns() + 5_000_000_000)
    else:
        expired.access_token = "no longer a token"
    seen: list[TokenPair] = []
    with Client(address, tokens=expired, on_tokens=seen.append) as other:
        assert call_at_once(other) == [email] * THREADS
        assert len(seen) == 2, "the pair that it was given, and one that it asked for"
        assert seen[1].refresh_token != expired.refresh_token
        # The session must be alive, which it is not after a token was sent twice.
        other.refresh()
        assert len(seen) == 3


def test_a_spent_refresh_token_is_refused_and_not_sent_again(address: str, client: Client) -> None:
    # A copied session must end with the suite's reason, and from then on ask to sign in.
    copied = copy(client.tokens)
    client.refresh()
    with Client(address, tokens=copied) as thief:
        with pytest.raises(TesseraError) as caught:
            thief.refresh()
        assert caught.value.reason == "REFRESH_TOKEN_REUSED"
        assert thief.tokens is None
        thief.refresh()
        with pytest.raises(TesseraError) as caught:
            thief.crm.accounts.list()
        assert (caught.value.code, caught.value.reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")


def test_tokens_of_a_clock_that_is_off_are_not_renewed_at_every_call(address: str, client: Client) -> None:
    # A machine that lives in the future must trust the suite instead of renewing all the time.
    past = copy(client.tokens)
    past.access_expire_time.CopyFrom(Timestamp(seconds=1))
    seen: list[TokenPair] = []
    with Client(address, tokens=past, on_tokens=seen.append) as other:
        other.crm.accounts.list()
        other.crm.accounts.list()
    assert len(seen) == 1


def test_login_and_logout(address: str, client: Client) -> None:
    # A user must get in with the password, must not with a wrong one, and must be out after the logout.
    me = client.identity.auth.get_current_user()
    with Client(address) as other:
        with pytest.raises(TesseraError) as caught:
            other.login(me.user.email, "not the password", tenant_slug=me.tenant.slug)
        assert (caught.value.domain, caught.value.reason) == ("erp.identity", "CREDENTIALS_WRONG")
        assert other.login(me.user.email, "a long way to Tipperary").user.id == me.user.id
        saved = copy(other.tokens)
        other.logout()
        other.logout()
        assert other.tokens is None
    with Client(address, tokens=saved) as again, pytest.raises(TesseraError) as caught:
        again.refresh()
    assert caught.value.reason == "REFRESH_TOKEN_INVALID"


def test_a_deadline_holds() -> None:
    # A call must end at its deadline, also one to a server that takes it and never answers.
    begun = time.monotonic()
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        Client(f"http://127.0.0.1:{silent.getsockname()[1]}") as client,
        pytest.raises(TesseraError) as caught,
    ):
        client.identity.auth.get_jwks(timeout=0.3)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - begun < 5


def test_a_suite_that_is_not_there_is_unavailable(client: Client) -> None:
    # Nobody at the address must be told soon, without losing the session.
    with Client("http://127.0.0.1:9", tokens=copy(client.tokens)) as nowhere:
        for call in (nowhere.refresh, nowhere.crm.accounts.list):
            with pytest.raises(TesseraError) as caught:
                call()
            assert caught.value.code is grpc.StatusCode.UNAVAILABLE
            assert caught.value.is_transient
        assert nowhere.tokens == client.tokens


@pytest.mark.parametrize("address", ["127.0.0.1:8080", "ftp://host", "http://", "http://host/path", ""])
def test_an_address_without_a_scheme_is_refused(address: str) -> None:
    # Whether a password travels in the clear must be said, not guessed.
    with pytest.raises(ValueError, match="http://host:port or https://host:port"):
        Client(address)


def test_the_scheme_decides_on_tls(address: str, new_client: Callable[[], Client]) -> None:
    # A client that was told https must not talk to a suite without TLS.
    with Client(address.replace("http://", "https://"), attempts=1) as strict, pytest.raises(TesseraError) as caught:
        strict.login("a@example.com", "secret")
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE
