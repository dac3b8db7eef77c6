// Package tessera talks to a Tessera suite: it signs in, keeps the session alive, fills in request ids, sets deadlines,
// sends again what failed for a moment, and turns every failure into an [Error]. The services themselves are the
// generated clients of the packages below erp.
package tessera

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/url"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	identityv1 "tessera.example/client/erp/identity/v1"
)

// TokenPair is what a session consists of.
type TokenPair = identityv1.TokenPair

// Client is one connection and one signed-in user. It is safe for concurrent use.
type Client struct {
	Services
	conn    *grpc.ClientConn
	session *session
}

type options struct {
	timeout  time.Duration
	attempts int
	tls      *tls.Config
	tokens   *TokenPair
	listener func(*TokenPair)
}

// Option changes how a client works.
type Option func(*options)

// WithTimeout sets the deadline of calls whose context has none, all attempts together; 30 seconds otherwise. Streams
// have that of their context alone.
func WithTimeout(timeout time.Duration) Option { return func(o *options) { o.timeout = timeout } }

// WithAttempts sets how often at most a call is sent that failed for a moment; three times otherwise.
func WithAttempts(attempts int) Option { return func(o *options) { o.attempts = attempts } }

// WithTLS sets how servers prove themselves, for an address that begins with https://.
func WithTLS(config *tls.Config) Option { return func(o *options) { o.tls = config } }

// WithTokens goes on with a session that was saved.
func WithTokens(tokens *TokenPair) Option { return func(o *options) { o.tokens = tokens } }

// OnTokens is told every new pair, so that it can be saved: of each pair the refresh token works once.
func OnTokens(listener func(*TokenPair)) Option { return func(o *options) { o.listener = listener } }

// New makes a client of the suite at http://host:port (plaintext) or https://host:port (TLS). It does not connect yet.
func New(address string, opts ...Option) (*Client, error) {
	o := options{timeout: 30 * time.Second, attempts: 3, listener: func(*TokenPair) {}}
	for _, opt := range opts {
		opt(&o)
	}
	target, security, err := parse(address, o.tls)
	if err != nil {
		return nil, err
	}
	client := &Client{}
	calls := &calls{timeout: o.timeout, attempts: o.attempts}
	client.conn, err = grpc.NewClient(target,
		grpc.WithTransportCredentials(security),
		grpc.WithUnaryInterceptor(calls.unary),
		grpc.WithStreamInterceptor(calls.stream),
		grpc.WithUserAgent("tessera-go"),
		// What is sent again is decided by calls alone; the transport must not send a refresh token twice.
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		// Finds out that a connection went silent, and only while calls are under way, which servers allow.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		// A page of 1,000 records may be larger than the 4 MiB that are taken otherwise.
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)),
	)
	if err != nil {
		return nil, fmt.Errorf("tessera: %w", err)
	}
	client.Services = newServices(client.conn)
	client.session = newSession(client.Auth, o.listener)
	calls.session = client.session
	if o.tokens != nil {
		client.session.begin(o.tokens)
	}
	return client, nil
}

// Close closes the connection. The session stays, for a client to come.
func (c *Client) Close() error { return c.conn.Close() }

// Conn is the connection, for generated clients of one's own making; their calls are treated like all the others.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// Tokens are the session's tokens now; nil when nobody is signed in.
func (c *Client) Tokens() *TokenPair { return c.session.tokens() }

// SignUp founds a tenant and goes on as its first user.
func (c *Client) SignUp(ctx context.Context, request *identityv1.SignUpRequest) (*identityv1.SignUpResponse, error) {
	response, err := c.Auth.SignUp(ctx, request)
	if err == nil {
		c.session.begin(response.Tokens)
	}
	return response, err
}

// Login signs in and goes on as that user. The tenant's slug may be empty unless the login fits in several tenants.
func (c *Client) Login(ctx context.Context, email, password, tenantSlug string) (*identityv1.LoginResponse, error) {
	request := &identityv1.LoginRequest{Email: email, Password: password, TenantSlug: tenantSlug}
	response, err := c.Auth.Login(ctx, request)
	if err == nil {
		c.session.begin(response.Tokens)
	}
	return response, err
}

// Refresh renews the tokens now, such as after a role was changed. Calls do so by themselves when it is time.
func (c *Client) Refresh(ctx context.Context) error {
	current := c.session.current.Load()
	if current == nil {
		return nil
	}
	_, err := c.session.renew(ctx, current)
	return err
}

// Logout ends the session in the suite and forgets its tokens.
func (c *Client) Logout(ctx context.Context) error {
	tokens := c.session.tokens()
	if tokens == nil {
		return nil
	}
	defer c.session.end()
	_, err := c.Auth.Logout(ctx, &identityv1.LogoutRequest{RefreshToken: tokens.RefreshToken})
	return err
}

func parse(address string, config *tls.Config) (string, credentials.TransportCredentials, error) {
	wrong := fmt.Errorf("tessera: an address is http://host:port or https://host:port, not %q", address)
	at, err := url.Parse(address)
	if err != nil || at.Hostname() == "" || (at.Path != "" && at.Path != "/") || at.User != nil || at.RawQuery != "" {
		return "", nil, wrong
	}
	port := at.Port()
	switch at.Scheme {
	case "http":
		if config != nil {
			return "", nil, fmt.Errorf("tessera: TLS needs an address that begins with https://, not %q", address)
		}
		return target(at, port, "80"), insecure.NewCredentials(), nil
	case "https":
		return target(at, port, "443"), credentials.NewTLS(config), nil
	default:
		return "", nil, wrong
	}
}

func target(at *url.URL, port, usual string) string {
	if port == "" {
		port = usual
	}
	return "dns:///" + bracketed(at.Hostname()) + ":" + port
}

func bracketed(host string) string {
	for _, letter := range host {
		if letter == ':' {
			return "[" + host + "]"
		}
	}
	return host
}
