package tessera

import (
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	opsv1 "tessera.example/client/erp/ops/v1"
	erpv1 "tessera.example/client/erp/v1"
)

const (
	// The pause before a stream is begun anew: doubled each time in vain, and half as long again at the most, by chance.
	streamPause    = 100 * time.Millisecond
	streamPauseMax = 10 * time.Second
	// How often in a row a stream that broke is begun anew in vain: for two minutes or so.
	streamAttempts = 16
	// A stream that lasted so long was not in vain, even if nothing happened.
	streamLasting = 10 * time.Second
)

// Follow yields the tenant's events as they happen, oldest first, until the context ends. It begins where the log ends
// when it is called, and goes on where it was when the suite ends the stream or the connection breaks. Types are names
// such as order.completed or order.*; none: all.
func (c *Client) Follow(ctx context.Context, types ...string) (iter.Seq2[*erpv1.EventEnvelope, error], error) {
	f := &following{ctx: ctx, log: c.EventLog, types: types}
	// The first message says where the log ends.
	if _, err := f.receive(); err != nil {
		f.end()
		return nil, err
	}
	return func(yield func(*erpv1.EventEnvelope, error) bool) {
		defer f.end()
		for {
			event, err := f.next()
			if !yield(event, err) || err != nil {
				return
			}
		}
	}, nil
}

// One stream after the other, each from where the last one ended or broke.
type following struct {
	ctx    context.Context
	log    opsv1.EventLogServiceClient
	types  []string
	cursor string // behind the last event that was received
	vain   int
	opened time.Time
	stream grpc.ServerStreamingClient[opsv1.WatchEventsResponse] // nil: none is open
	cancel context.CancelFunc
}

// The next event, however many streams it takes.
func (f *following) next() (*erpv1.EventEnvelope, error) {
	for {
		event, err := f.receive()
		switch {
		case err == nil && event == nil:
			continue
		case err == nil:
			f.vain = 0
			return event, nil
		case !errors.Is(err, io.EOF) && (CodeOf(err) != codes.Unavailable || f.vain >= streamAttempts):
			return nil, err
		}
		f.end()
		if time.Since(f.opened) >= streamLasting {
			f.vain = 0
		}
		// Also after a good end: a process that stops ends all its streams in the same moment.
		pause := min(streamPauseMax, streamPause<<f.vain)
		f.vain++
		if !wait(f.ctx, pause+rand.N(pause/2)) {
			return nil, f.over(err)
		}
	}
}

// One message, of the stream that is open or of a new one; without an event when it only tells the place.
func (f *following) receive() (*erpv1.EventEnvelope, error) {
	if f.stream == nil {
		f.opened = time.Now()
		var ctx context.Context
		ctx, f.cancel = context.WithCancel(f.ctx)
		stream, err := f.log.WatchEvents(ctx, &opsv1.WatchEventsRequest{Cursor: f.cursor, Types: f.types})
		if err != nil {
			return nil, err
		}
		f.stream = stream
	}
	message, err := f.stream.Recv()
	if err != nil {
		return nil, err
	}
	if message.Cursor != "" {
		f.cursor = message.Cursor
	}
	return message.Event, nil
}

// Ends the stream that is open, if there is one.
func (f *following) end() {
	if f.cancel != nil {
		f.cancel()
	}
	f.stream, f.cancel = nil, nil
}

// Why there is no further attempt: the context's end, or a deadline that leaves no time for one.
func (f *following) over(last error) error {
	if f.ctx.Err() != nil {
		return ofContext(f.ctx)
	}
	if errors.Is(last, io.EOF) {
		return ofError(context.DeadlineExceeded)
	}
	return last
}
