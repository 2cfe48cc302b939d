package v1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"syscall"
)

// ErrNoAgent: nothing answers on the socket.
var ErrNoAgent = errors.New("no agent answers")

// Error is an answer that is not what was asked for: problem details as in RFC 9457.
type Error struct {
	Status int    `json:"status"` // HTTP status code
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail == "" {
		return fmt.Sprintf("%d %s", e.Status, e.Title)
	}
	return e.Detail
}

// SocketPath is the unix socket of the agent whose run directory is runDir.
func SocketPath(runDir string) string { return filepath.Join(runDir, "woven.sock") }

// Client asks one agent over its unix socket. Its methods may be called at the same time; their errors are, or wrap,
// ErrNoAgent, *Error, or what the connection gave.
type Client struct {
	http http.Client
}

// NewClient returns a client of the agent that listens on socket. It doesn't connect yet.
func NewClient(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", socket)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("%w on %s", ErrNoAgent, socket)
		}
		return conn, err
	}
	return &Client{http: http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Status asks what the agent says about itself.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	return get[*Status](ctx, c, "/v1/status")
}

// Ports asks for all ports, in ascending order of name.
func (c *Client) Ports(ctx context.Context) ([]Port, error) { return get[[]Port](ctx, c, "/v1/ports") }

// Port asks for one port by its logical name. An unknown name gives an *Error with status 404.
func (c *Client) Port(ctx context.Context, name string) (*Port, error) {
	return get[*Port](ctx, c, "/v1/ports/"+url.PathEscape(name))
}

// Map asks what became of each OVN object.
func (c *Client) Map(ctx context.Context) ([]MapEntry, error) {
	return get[[]MapEntry](ctx, c, "/v1/map")
}

// Drops asks for the drops of each datapath.
func (c *Client) Drops(ctx context.Context) ([]DatapathDrops, error) {
	return get[[]DatapathDrops](ctx, c, "/v1/drops")
}

// get asks for the resource at path and decodes it.
func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var answer T
	// The host is not used: the client dials the socket whatever it is.
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://woven"+path, nil)
	if err != nil {
		return answer, fmt.Errorf("ask for %s: %w", path, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return answer, transportError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answer, responseError(resp)
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("decode the answer to %s: %w", path, err)
	}
	return answer, nil
}

// transportError takes off the made-up URL that net/http puts around an error.
func transportError(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// responseError reads the problem details of an answer that is no 200; anything else becomes its bare status.
func responseError(resp *http.Response) error {
	problem := &Error{}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media == "application/problem+json" {
		if err := json.NewDecoder(resp.Body).Decode(problem); err != nil {
			return fmt.Errorf("decode the problem of status %d: %w", resp.StatusCode, err)
		}
	}
	problem.Status = resp.StatusCode
	if problem.Title == "" {
		problem.Title = http.StatusText(resp.StatusCode)
	}
	return problem
}
