package tessera_test

import (
	"context"
	"errors"
	"iter"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	tessera "tessera.example/client"
	identityv1 "tessera.example/client/erp/identity/v1"
	opsv1 "tessera.example/client/erp/ops/v1"
	erpv1 "tessera.example/client/erp/v1"
)

// A way to the suite that a test can break.
type way struct {
	listener net.Listener
	mutex    sync.Mutex
	open     map[net.Conn]bool
	closed   bool
	made     int // connections, ever
}

func newWay(t *testing.T) *way {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &way{listener: listener, open: map[net.Conn]bool{}}
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			w.join(near)
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); w.close() })
	return w
}

func (w *way) join(near net.Conn) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.made++
	if w.closed {
		_ = near.Close()
		return
	}
	far, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	if err != nil {
		_ = near.Close()
		return
	}
	for one, other := range map[net.Conn]net.Conn{near: far, far: near} {
		w.open[one] = true
		go func() {
			_, _ = one.(*net.TCPConn).WriteTo(other)
			_ = one.Close()
			_ = other.Close()
			w.mutex.Lock()
			defer w.mutex.Unlock()
			delete(w.open, one)
		}()
	}
}

// Kills every connection; new ones are let through.
func (w *way) cut() {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for one := range w.open {
		_ = one.(*net.TCPConn).SetLinger(0)
		_ = one.Close()
	}
}

// Kills every connection, and new ones at once, until it is opened again.
func (w *way) close() { w.set(true); w.cut() }

func (w *way) reopen() { w.set(false) }

func (w *way) set(closed bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.closed = closed
}

func (w *way) connections() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.made
}

// A client of the same user that goes through the way.
func (w *way) client(t *testing.T, user *tessera.Client) *tessera.Client {
	t.Helper()
	client, err := tessera.New("http://"+w.listener.Addr().String(), tessera.WithTokens(user.Tokens()))
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// The ids of so many accounts that are created one after the other.
func createMany(t *testing.T, client *tessera.Client, count int) []string {
	t.Helper()
	var ids []string
	for range count {
		ids = append(ids, create(t, client, "Acme").Id)
	}
	return ids
}

// Which record an event is about.
func about(event *erpv1.EventEnvelope) string { return event.Data.Fields["entityId"].GetStringValue() }

// Each once; the log keeps the order of the events of one record alone.
func same(t *testing.T, heard, want []string) {
	t.Helper()
	heard, want = slices.Sorted(slices.Values(heard)), slices.Sorted(slices.Values(want))
	if !reflect.DeepEqual(heard, want) {
		t.Fatalf("heard %v, want %v", heard, want)
	}
}

func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for until := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatal("it does not come about")
		}
	}
}

// Events must be heard once each and without a gap from when Follow was called, also when the loop is left and entered
// again, and those of wanted types alone.
func TestFollow(t *testing.T) {
	client, _ := signUp(t)
	ctx, cancel := context.WithCancel(t.Context())
	events, err := client.Follow(ctx, "account.created")
	must(t, err)
	created, heard := createMany(t, client, 4), []string(nil)
	for range 2 {
		for event, err := range events {
			must(t, err)
			heard = append(heard, about(event))
			if len(heard)%2 == 0 {
				break
			}
		}
	}
	same(t, heard, created)
	time.AfterFunc(100*time.Millisecond, cancel)
	for event, err := range events {
		if !errors.Is(err, context.Canceled) || tessera.CodeOf(err) != codes.Canceled {
			t.Fatal(event, err)
		}
	}
}

// From behind event n exactly the ones after n must be heard, for every n.
func TestCursor(t *testing.T) {
	client, _ := signUp(t)
	watch := func(cursor string, count int) (ids, cursors []string) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		request := &opsv1.WatchEventsRequest{Types: []string{"account.created"}, Cursor: cursor}
		stream, err := client.EventLog.WatchEvents(ctx, request)
		must(t, err)
		begun, err := stream.Recv()
		must(t, err)
		if begun.Event != nil || begun.Cursor == "" {
			t.Fatal(begun)
		}
		cursors = append(cursors, begun.Cursor)
		if cursor == "" {
			createMany(t, client, count)
		}
		for range count {
			message, err := stream.Recv()
			must(t, err)
			ids, cursors = append(ids, about(message.Event)), append(cursors, message.Cursor)
		}
		return ids, cursors
	}
	created, cursors := watch("", 6)
	for at, cursor := range cursors {
		created = append(created, createMany(t, client, 1)...)
		heard, _ := watch(cursor, len(created)-at)
		same(t, heard, created[at:])
	}
}

// Events that happen while there is no connection must be heard afterwards, once each.
func TestBrokenConnection(t *testing.T) {
	client, _ := signUp(t)
	way := newWay(t)
	events, err := way.client(t, client).Follow(t.Context(), "account.created")
	must(t, err)
	next, stop := iter.Pull2(events)
	defer stop()
	hear := func(count int) (ids []string) {
		for range count {
			event, err, _ := next()
			must(t, err)
			ids = append(ids, about(event))
		}
		return ids
	}
	for turn := range 5 {
		created, heard := createMany(t, client, 2), []string(nil)
		// Sometimes nothing has arrived yet when it breaks.
		if turn%2 == 0 {
			heard = hear(2)
		}
		if turn == 3 {
			way.close()
		} else {
			way.cut()
		}
		created = append(created, createMany(t, client, 2)...)
		way.reopen()
		same(t, append(heard, hear(4-len(heard))...), created)
	}
	if way.connections() <= 5 {
		t.Fatal("nothing was broken")
	}
}

// Who has heard something must decide by itself where to go on: the method just fails, typed.
func TestStreamIsNotRepeated(t *testing.T) {
	client, _ := signUp(t)
	way := newWay(t)
	stream, err := way.client(t, client).EventLog.WatchEvents(t.Context(), &opsv1.WatchEventsRequest{})
	must(t, err)
	if _, err = stream.Header(); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	must(t, err)
	way.cut()
	_, err = stream.Recv()
	failed(t, err, codes.Unavailable, "", "")
}

// A wait must end with its context, for an event as between two attempts, and with the caller's deadline alone.
func TestStreamEnds(t *testing.T) {
	client, _ := signUp(t)
	way := newWay(t)
	for _, broken := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		events, err := way.client(t, client).Follow(ctx, "nothing.happens")
		must(t, err)
		over := make(chan error)
		go func() {
			for _, err := range events {
				over <- err
			}
		}()
		if broken {
			made := way.connections()
			way.close()
			eventually(t, func() bool { return way.connections() > made+1 })
		}
		cancel()
		failed(t, <-over, codes.Canceled, "", "")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	stream, err := client.EventLog.WatchEvents(ctx, &opsv1.WatchEventsRequest{Types: []string{"nothing.happens"}})
	must(t, err)
	_, err = stream.Recv()
	must(t, err)
	if _, err = stream.Recv(); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
}

// The refusal of a token comes in the place of the first message, and the caller must see nothing of it.
func TestStreamRenews(t *testing.T) {
	first, _ := signUp(t)
	expired := first.Tokens()
	expired.AccessToken = "no longer a token"
	pairs := 0
	client := connect(t, tessera.WithTokens(expired), tessera.OnTokens(func(*tessera.TokenPair) { pairs++ }))
	events, err := client.Follow(t.Context(), "account.created")
	must(t, err)
	created := createMany(t, client, 1)
	for event, err := range events {
		must(t, err)
		same(t, []string{about(event)}, created)
		break
	}
	if pairs != 2 {
		t.Fatalf("%d pairs; want the one given and one renewed", pairs)
	}
}

// A caller without the permission or the session must be told so at the first time, and one with a wrong cursor.
func TestFollowDenied(t *testing.T) {
	owner, email := signUp(t)
	clerk := connect(t)
	_, err := clerk.Follow(t.Context())
	failed(t, err, codes.Unauthenticated, "erp", "UNAUTHENTICATED")
	user := &identityv1.User{Email: "clerk." + email, DisplayName: "Clerk"}
	_, err = owner.Users.CreateUser(t.Context(), &identityv1.CreateUserRequest{User: user, Password: password})
	must(t, err)
	_, err = clerk.Login(t.Context(), user.Email, password, "")
	must(t, err)
	// Who may not read the log may watch, and hears of what he may read.
	_, err = clerk.EventLog.TailEvents(t.Context(), &opsv1.TailEventsRequest{})
	denied := failed(t, err, codes.PermissionDenied, "erp", "PERMISSION_MISSING")
	if denied.Metadata["permission"] != "ops.events.read" {
		t.Fatal(denied.Metadata)
	}
	request := &opsv1.WatchEventsRequest{Cursor: "no cursor"}
	sent := proto.CloneOf(request)
	stream, err := owner.EventLog.WatchEvents(t.Context(), request)
	must(t, err)
	_, err = stream.Recv()
	failed(t, err, codes.InvalidArgument, "erp", "INVALID_FIELD")
	if !proto.Equal(request, sent) {
		t.Fatal("the caller's own message was changed")
	}
}
