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

// ACLs asks for access control lists. A switch or port that there is not gives an *Error with status 404.
func (c *Client) ACLs(ctx context.Context, of ACLFilter) ([]ACL, error) {
	query := url.Values{}
	if of.Switch != "" {
		query.Set("switch", of.Switch)
	}
	if of.Port != "" {
		query.Set("port", of.Port)
	}
	return get[[]ACL](ctx, c, "/v1/acls?"+query.Encode())
}

// Types asks for the types of modules, the platform first.
func (c *Client) Types(ctx context.Context) ([]Type, error) { return get[[]Type](ctx, c, "/v1/types") }

// Type asks for one type by its name.
func (c *Client) Type(ctx context.Context, name string) (*Type, error) {
	return get[*Type](ctx, c, "/v1/types/"+url.PathEscape(name))
}

// Modules asks for all module instances, in ascending order of name.
func (c *Client) Modules(ctx context.Context) ([]ModuleInstance, error) {
	return get[[]ModuleInstance](ctx, c, "/v1/modules")
}

// Module asks for one module instance by its ID, or by its name. A name that several have gives an *Error with status 409.
func (c *Client) Module(ctx context.Context, module string) (*ModuleDetails, error) {
	return get[*ModuleDetails](ctx, c, "/v1/modules/"+url.PathEscape(module))
}

// Tables asks for a module's tables; module is as that of Module.
func (c *Client) Tables(ctx context.Context, module string) ([]Table, error) {
	return get[[]Table](ctx, c, tablesPath(module))
}

// Rows asks for at most limit rows of a module's table, 1 to MaxRows; module is as that of Module.
func (c *Client) Rows(ctx context.Context, module, table string, limit int) (*Rows, error) {
	return get[*Rows](ctx, c, fmt.Sprintf("%s/%s?limit=%d", tablesPath(module), url.PathEscape(table), limit))
}

func tablesPath(module string) string { return "/v1/modules/" + url.PathEscape(module) + "/tables" }

// Links asks for all links, in ascending order of module, then port.
func (c *Client) Links(ctx context.Context) ([]Link, error) { return get[[]Link](ctx, c, "/v1/links") }

// Link asks for the link of a port.
func (c *Client) Link(ctx context.Context, port string) (*Link, error) {
	return get[*Link](ctx, c, "/v1/links/"+url.PathEscape(port))
}

// Interfaces asks for the interfaces that Woven has to do with, in ascending order of name.
func (c *Client) Interfaces(ctx context.Context) ([]Interface, error) {
	return get[[]Interface](ctx, c, "/v1/interfaces")
}

// Interface asks for one interface by its name.
func (c *Client) Interface(ctx context.Context, name string) (*Interface, error) {
	return get[*Interface](ctx, c, "/v1/interfaces/"+url.PathEscape(name))
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
