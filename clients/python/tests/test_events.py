"""What happens, as it happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from tessera import Client, EventStream, TesseraError, crm
from tessera.common import EventEnvelope
from tessera.identity import TokenPair, User
from tessera.ops import WatchEventsRequest, WatchEventsResponse
from way import BreakableWay

PASSWORD = "a long way to Tipperary"


def create(client: Client, count: int) -> list[str]:
    """The ids of so many accounts that are created one after the other."""
    return [client.crm.accounts.create(crm.Account(display_name="Acme")).id for _ in range(count)]


def heard(events: EventStream, count: int) -> list[str]:
    """Which records the next so many events are about; the log keeps the order of the events of one record alone."""
    return [str(next(events).data["entityId"]) for _ in range(count)]


def copy(tokens: TokenPair | None) -> TokenPair:
    assert tokens is not None
    made = TokenPair()
    made.CopyFrom(tokens)
    return made


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.01)


def test_events_follow_what_happens(client: Client) -> None:
    # A stream must begin when it is made, keep the order, hold its own types alone, and go on from its cursor.
    with client.follow("account.*") as events:
        made = client.crm.accounts.create(crm.Account(display_name="Acme"))
        client.crm.accounts.delete(made.id)
        seen = [next(events) for _ in range(2)]
    assert [event.event_type for event in seen] == ["account.created", "account.deleted"]
    assert {event.data["entityId"] for event in seen} == {made.id}
    with client.follow("account.*", cursor=events.cursor) as resumed:
        # The last event was handed out, but nobody has said that it was handled.
        assert next(resumed) == seen[1]


def test_a_cursor_loses_and_doubles_nothing(client: Client) -> None:
    # From behind event n exactly the ones after n must be heard, for every n; a backlog has one cursor.
    with client.follow("account.created") as first:
        created = create(client, 6)
        cursors, order = [], []
        for _ in created:
            order += heard(first, 1)
            # Told by the call that follows the one that gave the event: this is the place before it.
            cursors.append(first.cursor)
        assert sorted(order) == sorted(created)
    assert len(set(cursors)) == 6
    for at, cursor in enumerate(cursors):
        with client.follow("account.created", cursor=cursor) as next_one:
            order += create(client, 1)
            assert sorted(heard(next_one, len(order) - at)) == sorted(order[at:])
    with client.follow("account.created", backlog=4) as events:
        assert set(heard(events, 4)) < set(order)
        assert events.cursor == ""
        assert create(client, 1) == heard(events, 1)
        assert events.cursor != ""


def test_broken_connections_are_survived(address: str, client: Client) -> None:
    # Events that happen while there is no connection must be heard afterwards, once each.
    with BreakableWay(address) as way, Client(way.address, tokens=copy(client.tokens)) as other:
        events = other.follow("account.created")
        for turn in range(5):
            created = create(client, 2)
            # Sometimes nothing has arrived yet when it breaks.
            early = heard(events, 2) if turn % 2 == 0 else []
            way.close() if turn == 3 else way.cut()
            created += create(client, 2)
            way.reopen()
            assert sorted(early + heard(events, 4 - len(early))) == sorted(created)
        events.close()
        assert way.connections > 5


def test_a_stream_is_not_sent_again_behind_a_message(address: str, client: Client) -> None:
    # Who has heard something must decide by itself where to go on; the method itself just fails, typed.
    with (
        BreakableWay(address) as way,
        Client(way.address, tokens=copy(client.tokens)) as other,
        other.ops.event_log.watch_events() as stream,
    ):
        begun = next(stream)
        assert begun.cursor
        assert not begun.HasField("event")
        way.cut()
        with pytest.raises(TesseraError) as caught:
            next(stream)
        assert caught.value.code is grpc.StatusCode.UNAVAILABLE
        assert list(stream) == []


def test_closing_ends_it_at_once(address: str, client: Client) -> None:
    # A thread that waits, for an event or between two attempts, must be let go, and the call must end.
    with BreakableWay(address) as way, Client(way.address, tokens=copy(client.tokens)) as other:
        for broken in (False, True):
            events = other.follow("account.created")
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(list, events)
                if broken:
                    made = way.connections
                    way.close()
                    eventually(lambda made=made: way.connections > made + 1)  # type: ignore[misc]
                assert not waiting.done()
                events.close()
                assert waiting.result(timeout=5) == []
            assert list(events) == []
            way.reopen()
    stream = client.ops.event_log.watch_events()
    assert next(stream).cursor
    threading.Timer(0.1, stream.cancel).start()
    with pytest.raises(TesseraError) as caught:
        next(stream)
    assert caught.value.code is grpc.StatusCode.CANCELLED


def test_a_deadline_is_the_callers(client: Client) -> None:
    # A stream has no deadline but the one that it is given.
    stream = client.ops.event_log.watch_events(types=["nothing.happens"], timeout=0.5)
    assert next(stream).cursor
    with pytest.raises(TesseraError) as caught:
        next(stream)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED


def test_a_refused_token_is_renewed(address: str, client: Client) -> None:
    # The refusal comes in the place of the first message, and the caller must see nothing of it.
    expired = copy(client.tokens)
    expired.access_token = "no longer a token"
    seen: list[TokenPair] = []
    with Client(address, tokens=expired, on_tokens=seen.append) as other, other.follow("account.created") as events:
        assert create(client, 1) == heard(events, 1)
        assert len(seen) == 2, "the pair that it was given, and one that it asked for"


def test_what_no_repetition_mends_is_raised(address: str, client: Client) -> None:
    # A caller without the permission, without a session or with a wrong cursor must be told so at the first time.
    me = client.identity.auth.get_current_user()
    email = f"clerk@{me.tenant.slug}.example"
    client.identity.users.create(User(email=email, display_name="Clerk"), PASSWORD)
    with Client(address) as clerk:
        with pytest.raises(TesseraError) as caught:
            clerk.follow()
        assert caught.value.code is grpc.StatusCode.UNAUTHENTICATED
        clerk.login(email, PASSWORD, tenant_slug=me.tenant.slug)
        # Who may not read the log may watch, and hears of what he may read.
        with pytest.raises(TesseraError) as caught:
            clerk.ops.event_log.tail_events()
        error = caught.value
        assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "PERMISSION_MISSING")
        assert error.metadata["permission"] == "ops.events.read"
    with pytest.raises(TesseraError) as caught:
        next(client.follow(cursor="no cursor"))
    assert [violation.field for violation in caught.value.violations] == ["cursor"]
    with Client("http://127.0.0.1:9", attempts=1) as nowhere, pytest.raises(TesseraError) as caught:
        next(nowhere.follow(cursor="any"))
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


class Script:
    """What the suite cannot be made to say: a stream that breaks within its backlog, and one that ends."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def watch(self, request: WatchEventsRequest, context: grpc.ServicerContext) -> Iterator[WatchEventsResponse]:
        self.asked.append((request.cursor, request.backlog))
        if request.cursor:
            yield WatchEventsResponse(cursor=request.cursor)
            yield WatchEventsResponse(event=EventEnvelope(event_id="third"), cursor="behind the third")
            context.abort(grpc.StatusCode.NOT_FOUND, "no such tenant")
        yield WatchEventsResponse()
        yield WatchEventsResponse(event=EventEnvelope(event_id="first"))
        if len(self.asked) == 1:
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        yield WatchEventsResponse(event=EventEnvelope(event_id="second"), cursor="behind the second")
        # Ends well, as it does when its time is over.


def test_a_backlog_that_breaks_off_is_given_once() -> None:
    # Events without a cursor behind them must be held back, so that the second stream can begin with them again.
    script = Script()
    watch = grpc.unary_stream_rpc_method_handler(
        script.watch, WatchEventsRequest.FromString, WatchEventsResponse.SerializeToString
    )
    handler = grpc.method_handlers_generic_handler("erp.ops.v1.EventLogService", {"WatchEvents": watch})
    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool, handlers=[handler])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with Client(f"http://127.0.0.1:{port}") as client:
            events = client.follow(backlog=2)
            seen: Sequence[str] = [next(events).event_id for _ in range(3)]
            assert seen == ["first", "second", "third"]
            assert events.cursor == "behind the second"
            with pytest.raises(TesseraError) as caught:
                next(events)
            assert caught.value.code is grpc.StatusCode.NOT_FOUND
            assert events.cursor == "behind the third"
        server.stop(None)
    assert script.asked == [("", 2), ("", 2), ("behind the second", 0)]
