package tessera

import (
	"context"
	"iter"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	opsv1 "tessera.example/client/erp/ops/v1"
	erpv1 "tessera.example/client/erp/v1"
)

// Page is an answer that knows where the next one begins.
type Page interface {
	proto.Message
	GetNextPageToken() string
}

// Method is a method of a generated client.
type Method[Request proto.Message, Response any] func(context.Context, Request, ...grpc.CallOption) (Response, error)

// Pages are all pages of a List or Search method, fetched one by one. The first error is the last thing yielded.
func Pages[Request proto.Message, Response Page](
	ctx context.Context, list Method[Request, Response], request Request,
) iter.Seq2[Response, error] {
	return func(yield func(Response, error) bool) {
		following := proto.CloneOf(request)
		token := following.ProtoReflect().Descriptor().Fields().ByName("page_token")
		for {
			page, err := list(ctx, following)
			if !yield(page, err) || err != nil || page.GetNextPageToken() == "" {
				return
			}
			following.ProtoReflect().Set(token, protoreflect.ValueOfString(page.GetNextPageToken()))
		}
	}
}

// All is what is on all pages; records picks it out of one, such as (*crmv1.ListAccountsResponse).GetAccounts.
func All[Request proto.Message, Response Page, Record any](
	ctx context.Context, list Method[Request, Response], request Request, records func(Response) []Record,
) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for page, err := range Pages(ctx, list, request) {
			if err != nil {
				var none Record
				yield(none, err)
				return
			}
			for _, record := range records(page) {
				if !yield(record, nil) {
					return
				}
			}
		}
	}
}

const tailWait = 20 * time.Second

// Follow yields the tenant's events as they happen, oldest first, until the context ends. It begins where the log ends
// when it is called. Types are names such as order.completed or order.*; none: all.
func (c *Client) Follow(ctx context.Context, types ...string) (iter.Seq2[*erpv1.EventEnvelope, error], error) {
	tail := func(cursor string, wait time.Duration) (*opsv1.TailEventsResponse, error) {
		// The wait is the suite's; what comes on top is the way there and back.
		ctx, cancel := context.WithTimeout(ctx, wait+10*time.Second)
		defer cancel()
		request := &opsv1.TailEventsRequest{Cursor: cursor, Types: types, WaitMs: int32(wait.Milliseconds())}
		return c.EventLog.TailEvents(ctx, request)
	}
	answer, err := tail("", 0)
	if err != nil {
		return nil, err
	}
	return func(yield func(*erpv1.EventEnvelope, error) bool) {
		for {
			for _, event := range answer.Events {
				if !yield(event, nil) {
					return
				}
			}
			following, err := tail(answer.NextCursor, tailWait)
			if err != nil {
				yield(nil, err)
				return
			}
			answer = following
		}
	}, nil
}
