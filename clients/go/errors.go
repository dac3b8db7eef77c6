package tessera

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Violation is one field of a request that breaks a rule.
type Violation struct {
	Field       string // where, such as account.display_name
	Description string // what must hold, for a person
}

// Error is why a call failed; find it with [errors.As]. Reason and Domain stay the same from release to release.
type Error struct {
	Code       codes.Code
	Message    string
	Reason     string            // such as STALE_ETAG; empty when the suite itself was not reached
	Domain     string            // whose reason it is: erp of every service, erp.orders of one domain
	Metadata   map[string]string // values that belong to the reason, such as the permission that is missing
	Violations []Violation       // every field that breaks a rule
	RetryAfter time.Duration     // when the same call may be sent again; 0: it would fail again

	status *status.Status
}

// Error says it in one line.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("tessera: " + e.Code.String())
	if e.Reason != "" {
		fmt.Fprintf(&text, " (%s/%s)", e.Domain, e.Reason)
	}
	text.WriteString(": " + e.Message)
	for _, violation := range e.Violations {
		fmt.Fprintf(&text, "; %s: %s", violation.Field, violation.Description)
	}
	return text.String()
}

// Transient tells whether the same call may succeed later.
func (e *Error) Transient() bool { return e.RetryAfter > 0 || e.Code == codes.Unavailable }

// GRPCStatus is what [status.FromError] finds.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// Is makes [errors.Is] find the context's own errors where a deadline passed or a call was given up.
func (e *Error) Is(target error) bool {
	return (target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded) ||
		(target == context.Canceled && e.Code == codes.Canceled)
}

// CodeOf is the code of the error of a call; OK for none.
func CodeOf(err error) codes.Code {
	var failure *Error
	if errors.As(err, &failure) {
		return failure.Code
	}
	return status.Code(err)
}

func ofContext(ctx context.Context) error { return ofError(ctx.Err()) }

func ofError(err error) error { return asError(status.FromContextError(err).Err()) }

// Nil for nil, which the caller must turn into an error only when it is not.
func asError(err error) *Error {
	if err == nil {
		return nil
	}
	got := status.Convert(err)
	failure := &Error{Code: got.Code(), Message: got.Message(), status: got}
	for _, detail := range got.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			failure.Reason, failure.Domain, failure.Metadata = detail.Reason, detail.Domain, detail.Metadata
		case *errdetails.RetryInfo:
			failure.RetryAfter = detail.RetryDelay.AsDuration()
		case *errdetails.BadRequest:
			for _, violation := range detail.FieldViolations {
				failure.Violations = append(failure.Violations, Violation{violation.Field, violation.Description})
			}
		}
	}
	return failure
}
