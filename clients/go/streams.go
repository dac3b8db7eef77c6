package tessera

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Streams travel like all calls, except that their deadline is the caller's alone and that nothing is sent again once a
// message was received.
func (c *calls) stream(
	ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	open := func(ctx context.Context) (grpc.ClientStream, error) {
		return streamer(ctx, desc, conn, method, opts...)
	}
	if !desc.ClientStreams {
		return &serverStream{calls: c, ctx: ctx, method: method, open: open}, nil
	}
	_, attempts := c.start(method, nil)
	sent, err := attempts.authorised(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := open(sent)
	if err != nil {
		return nil, asError(err)
	}
	return typedStream{stream}, nil
}

var errNotSent = asError(status.Error(codes.FailedPrecondition, "the stream's request was not sent"))

// A stream with one request, which is sent again when it is refused before there is a message.
type serverStream struct {
	calls  *calls
	ctx    context.Context
	method string
	open   func(context.Context) (grpc.ClientStream, error)

	request  any
	attempts *attempts
	begun    bool

	mutex sync.Mutex // guards inner alone: Header and Trailer may be asked from other goroutines
	inner grpc.ClientStream
}

// SendMsg keeps the request; CloseSend sends it.
func (s *serverStream) SendMsg(request any) error {
	s.request, s.attempts = s.calls.start(s.method, request)
	return nil
}

func (s *serverStream) CloseSend() error {
	for {
		failure, err := s.send()
		if err != nil {
			return err
		}
		if failure == nil {
			return nil
		}
		if err := s.attempts.again(s.ctx, failure); err != nil {
			return err
		}
	}
}

func (s *serverStream) RecvMsg(message any) error {
	for {
		stream := s.current()
		if stream == nil {
			return errNotSent
		}
		err := stream.RecvMsg(message)
		if err == nil {
			s.begun = true
			return nil
		}
		if errors.Is(err, io.EOF) {
			return io.EOF
		}
		failure := asError(err)
		if s.begun {
			return failure
		}
		if err := s.attempts.again(s.ctx, failure); err != nil {
			return err
		}
		if err := s.CloseSend(); err != nil {
			return err
		}
	}
}

func (s *serverStream) Header() (metadata.MD, error) {
	stream := s.current()
	if stream == nil {
		return nil, errNotSent
	}
	header, err := stream.Header()
	return header, typed(err)
}

func (s *serverStream) Trailer() metadata.MD {
	if stream := s.current(); stream != nil {
		return stream.Trailer()
	}
	return nil
}

func (s *serverStream) Context() context.Context {
	if stream := s.current(); stream != nil {
		return stream.Context()
	}
	return s.ctx
}

// Sends the request once. The failure is what may be tried again, the error what may not.
func (s *serverStream) send() (*Error, error) {
	sent, err := s.attempts.authorised(s.ctx)
	if err != nil {
		return nil, err
	}
	stream, err := s.open(sent)
	if err != nil {
		return asError(err), nil
	}
	s.mutex.Lock()
	s.inner = stream
	s.mutex.Unlock()
	// A stream that is over already says io.EOF here, and why to RecvMsg.
	if err := stream.SendMsg(s.request); err != nil && !errors.Is(err, io.EOF) {
		return asError(err), nil
	}
	return asError(stream.CloseSend()), nil
}

func (s *serverStream) current() grpc.ClientStream {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.inner
}

// A stream of requests, which is never sent again.
type typedStream struct{ grpc.ClientStream }

func (s typedStream) SendMsg(message any) error { return typed(s.ClientStream.SendMsg(message)) }

func (s typedStream) RecvMsg(message any) error { return typed(s.ClientStream.RecvMsg(message)) }

// The end of a stream is no failure.
func typed(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	return asError(err)
}
