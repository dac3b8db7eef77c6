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
	request, attempts := c.start(method, request)
	for {
		sent, err := attempts.authorised(ctx)
		if err != nil {
			return err
		}
		failure := asError(invoke(sent, method, request, reply, conn, opts...))
		if failure == nil {
			return nil
		}
		if err := attempts.again(ctx, failure); err != nil {
			return err
		}
	}
}

// The request as it is sent, and what is to be known of its attempts.
func (c *calls) start(method string, request any) (any, *attempts) {
	public, safe := traits(method)
	request, hasRequestID := withRequestID(request)
	left := 0
	if safe || hasRequestID {
		left = c.attempts - 1
	}
	return request, &attempts{calls: c, public: public, left: left, pause: firstPause}
}

// What was tried of one call, and whether it is tried once more.
type attempts struct {
	calls   *calls
	public  bool
	left    int
	pause   time.Duration
	now     *current
	renewed bool
}

// The context of the next attempt.
func (a *attempts) authorised(ctx context.Context) (context.Context, error) {
	if a.public {
		return ctx, nil
	}
	// A call without a deadline, as streams have none, must not wait for a token for ever.
	limited, cancel := context.WithTimeout(ctx, a.calls.timeout)
	defer cancel()
	var err error
	if a.now, err = a.calls.session.fresh(limited); err != nil || a.now == nil {
		return ctx, err
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+a.now.pair.AccessToken), nil
}

// Nil when it is time to try again, after the wait that it takes; else what the caller is told.
func (a *attempts) again(ctx context.Context, failure *Error) error {
	if a.now != nil && !a.renewed && failure.refusesToken() {
		// It ran out by the suite's clock, or a signing key was withdrawn. Nothing was done yet.
		a.renewed = true
		limited, cancel := context.WithTimeout(ctx, a.calls.timeout)
		defer cancel()
		_, err := a.calls.session.renew(limited, a.now)
		return err
	}
	if a.left <= 0 || !failure.Transient() {
		return failure
	}
	pause := max(failure.RetryAfter, a.pause)
	if !wait(ctx, pause+rand.N(pause/2)) {
		return failure
	}
	a.left, a.pause = a.left-1, a.pause*2
	return nil
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
