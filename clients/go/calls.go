package tessera

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	erpv1 "tessera.example/client/erp/v1"
)

const firstPause = 100 * time.Millisecond

// How every call travels: with a token, a deadline and a request id, and again where that is safe.
type calls struct {
	timeout  time.Duration
	attempts int
	session  *session
}

func (c *calls) unary(
	ctx context.Context, method string, request, reply any,
	conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	public, safe := traits(method)
	request, hasRequestID := withRequestID(request)
	renewed := false
	for attempt := 1; ; {
		var now *current
		var err error
		if !public {
			if now, err = c.session.fresh(ctx); err != nil {
				return err
			}
		}
		sent := ctx
		if now != nil {
			sent = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+now.pair.AccessToken)
		}
		failure := asError(invoke(sent, method, request, reply, conn, opts...))
		if failure == nil {
			return nil
		}
		if now != nil && !renewed && failure.refusesToken() {
			// It ran out by the suite's clock, or a signing key was withdrawn. Nothing was done yet.
			if _, err := c.session.renew(ctx, now); err != nil {
				return err
			}
			renewed = true
			continue
		}
		if !(safe || hasRequestID) || !failure.Transient() || attempt >= c.attempts {
			return failure
		}
		pause := max(failure.RetryAfter, firstPause<<(attempt-1))
		if !wait(ctx, pause+rand.N(pause/2)) {
			return failure
		}
		attempt++
	}
}

// Whether a method takes calls without a token, and whether it only reads.
func traits(method string) (public, safe bool) {
	name := strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", ".")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		return false, false
	}
	options := found.Options()
	access, _ := proto.GetExtension(options, erpv1.E_Access).(*erpv1.Access)
	rule, _ := proto.GetExtension(options, annotations.E_Http).(*annotations.HttpRule)
	return access.GetPublic(), rule.GetGet() != ""
}

// The request with an id of its own, where it can have one; the caller's message stays as it is.
func withRequestID(request any) (any, bool) {
	message, ok := request.(proto.Message)
	if !ok {
		return request, false
	}
	field := message.ProtoReflect().Descriptor().Fields().ByName("request_id")
	if field == nil {
		return request, false
	}
	if message.ProtoReflect().Get(field).String() != "" {
		return request, true
	}
	copied := proto.Clone(message)
	copied.ProtoReflect().Set(field, protoreflect.ValueOfString(uuid.NewString()))
	return copied, true
}

// Waits, unless the deadline comes first.
func wait(ctx context.Context, pause time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (e *Error) refusesToken() bool {
	return e.Code == codes.Unauthenticated && e.Domain == "erp" && e.Reason == "UNAUTHENTICATED"
}
