package tessera

import (
	"context"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	identityv1 "tessera.example/client/erp/identity/v1"
)

// An access token is renewed this long before its end, so that none runs out on its way.
const margin = 30 * time.Second

// The tokens from one renewal to the next. Told apart by address: two renewals within one second may give the same
// access token.
type current struct {
	pair    *TokenPair
	renewAt time.Time // zero: never by the clock
}

// A refresh token works once, so one goroutine renews and the others wait for it.
type session struct {
	auth     identityv1.AuthServiceClient
	listener func(*TokenPair)
	renewing chan struct{} // a lock that gives up with a context
	current  atomic.Pointer[current]
}

func newSession(auth identityv1.AuthServiceClient, listener func(*TokenPair)) *session {
	return &session{auth: auth, listener: listener, renewing: make(chan struct{}, 1)}
}

func (s *session) tokens() *TokenPair {
	if now := s.current.Load(); now != nil {
		return proto.CloneOf(now.pair)
	}
	return nil
}

func (s *session) begin(pair *TokenPair) {
	s.renewing <- struct{}{}
	defer func() { <-s.renewing }()
	s.keep(pair)
}

func (s *session) end() {
	s.renewing <- struct{}{}
	defer func() { <-s.renewing }()
	s.current.Store(nil)
}

// What a call goes with, renewed before if it is about to run out; nil when nobody is signed in.
func (s *session) fresh(ctx context.Context) (*current, error) {
	now := s.current.Load()
	if now == nil || now.renewAt.IsZero() || time.Now().Before(now.renewAt) {
		return now, nil
	}
	return s.renew(ctx, now)
}

// What follows stale; asks for it unless another goroutine has done so meanwhile.
func (s *session) renew(ctx context.Context, stale *current) (*current, error) {
	select {
	case s.renewing <- struct{}{}:
		defer func() { <-s.renewing }()
	case <-ctx.Done():
		return nil, ofContext(ctx)
	}
	if now := s.current.Load(); now != stale {
		return now, nil
	}
	request := &identityv1.RefreshTokenRequest{RefreshToken: stale.pair.RefreshToken}
	response, err := s.auth.RefreshToken(ctx, request)
	if err != nil {
		// Sent and not answered, it may be spent, and a spent one looks stolen to the suite: it is not sent again.
		// Unavailable says that nobody was there to take it.
		if CodeOf(err) != codes.Unavailable {
			s.current.Store(nil)
		}
		return nil, err
	}
	return s.keep(response.Tokens), nil
}

func (s *session) keep(pair *TokenPair) *current {
	kept := &current{pair: proto.CloneOf(pair)}
	// Tokens that are over when they arrive say that this machine's clock is off: then the suite is the judge.
	if ends := pair.GetAccessExpireTime().AsTime(); ends.After(time.Now()) {
		kept.renewAt = ends.Add(-margin)
	}
	s.current.Store(kept)
	s.listener(proto.CloneOf(pair))
	return kept
}
