// Package client joins the generated client with what the contract says in words: where the two operations are, which
// answers are a success, and what an answer that is none has to tell.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	copilot "example.com/copilot/generated"
)

// Client sends events and consents. What can go wrong is told by four kinds of error: see errors.go.
type Client struct {
	credentials      Credentials
	collect, consent operation
}

// New takes the whole URL of each operation, path included: https, or plain http to a loopback host. A nil transport is
// http.DefaultTransport.
func New(
	credentials Credentials, collectEndpoint, consentEndpoint string, transport http.RoundTripper,
) (*Client, error) {
	if credentials.basic == nil {
		return nil, errors.New("the credentials were not made by NewCredentials")
	}
	if transport == nil {
		transport = http.DefaultTransport
	}
	collect, err := newOperation(collectEndpoint, transport)
	if err != nil {
		return nil, fmt.Errorf("the endpoint of collect: %w", err)
	}
	consent, err := newOperation(consentEndpoint, transport)
	if err != nil {
		return nil, fmt.Errorf("the endpoint of set_consent: %w", err)
	}
	return &Client{credentials, collect, consent}, nil
}

// Collect sends events. The answer lists those that were refused; all others were taken. One event that Validate
// refuses is an InvalidEvent, and stops all of them before anything is sent.
func (c *Client) Collect(ctx context.Context, events []copilot.Event) (*copilot.CollectResponse, error) {
	for index, event := range events {
		instance := event.GetActualInstance()
		if err := Validate(instance); err != nil {
			invalid := &InvalidEvent{Index: index, Err: err}
			if identified, ok := instance.(interface{ GetEventId() string }); ok {
				invalid.EventID = identified.GetEventId()
			}
			return nil, invalid
		}
	}
	request := *copilot.NewCollectRequest(events)
	call := c.collect.api.CollectAPI.Collect(c.authorised(ctx)).CollectRequest(request)
	taken, answer, err := call.Execute()
	switch {
	case answer == nil || answer.StatusCode >= http.StatusMultipleChoices:
		return nil, c.collect.failure(ctx, answer, err)
	// The generated client calls every status below 300 a success, and reads an empty body as no answer at all.
	case err != nil || answer.StatusCode != http.StatusOK || taken == nil || hasNull(answer.Body):
		return nil, &Unreadable{Status: answer.StatusCode}
	}
	return taken, nil
}

// hasNull tells whether null stands in the place of a refusal, which encoding/json reads as one that says nothing. The
// generated client leaves a copy of the body behind.
func hasNull(body io.Reader) bool {
	var answer struct {
		InvalidEvents []*struct{} `json:"invalid_events"`
	}
	if json.NewDecoder(body).Decode(&answer) != nil {
		return true
	}
	for _, refusal := range answer.InvalidEvents {
		if refusal == nil {
			return true
		}
	}
	return false
}

// SetConsent reports what a user decided. Without an error the change was recorded.
func (c *Client) SetConsent(ctx context.Context, change copilot.ConsentChange) error {
	if err := Validate(&change); err != nil {
		return fmt.Errorf("the consent, which was not sent: %w", err)
	}
	answer, err := c.consent.api.ConsentAPI.SetConsent(c.authorised(ctx)).ConsentChange(change).Execute()
	switch {
	case answer == nil || answer.StatusCode >= http.StatusMultipleChoices:
		return c.consent.failure(ctx, answer, err)
	case answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusNoContent, isPage(answer.Header):
		return &Unreadable{Status: answer.StatusCode}
	}
	// There is nothing to read, so it does not matter whether it could be read.
	return nil
}

// isPage tells whether an answer is a page of HTML, which a portal or a proxy gave in place of Copilot.cx.
func isPage(header http.Header) bool {
	return strings.HasPrefix(strings.ToLower(header.Get("Content-Type")), "text/html")
}

func (c *Client) authorised(ctx context.Context) context.Context {
	return context.WithValue(ctx, copilot.ContextBasicAuth, c.credentials.basic())
}

// failure drops the error of the generated client, which holds the body of the answer.
func (o operation) failure(ctx context.Context, answer *http.Response, err error) error {
	if answer == nil {
		return &NoAnswer{Server: o.server, Reason: broken(err), cause: ctx.Err()}
	}
	told := &Refusal{Status: answer.StatusCode, RetryAfter: answer.Header.Get("Retry-After")}
	var generated *copilot.GenericOpenAPIError
	if errors.As(err, &generated) {
		model, ok := generated.Model().(copilot.ErrorBody)
		// The generated client reads no body of a status that the contract does not list.
		if ok || json.Unmarshal(generated.Body(), &model) == nil {
			told.Reason = model.Reason
		}
	}
	return told
}

// operation is a generated client whose requests all go to one URL: either operation may live anywhere.
type operation struct {
	api    *copilot.APIClient
	server string
}

func newOperation(endpoint string, transport http.RoundTripper) (operation, error) {
	target, err := parseEndpoint(endpoint)
	if err != nil {
		return operation{}, err
	}
	configuration := copilot.NewConfiguration()
	configuration.HTTPClient = &http.Client{
		Transport: redirected{target, transport},
		Timeout:   10 * time.Second,
		// A POST must not become a GET, and credentials must not travel to where an answer points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return operation{copilot.NewAPIClient(configuration), target.Scheme + "://" + target.Host}, nil
}
