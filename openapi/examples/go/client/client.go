// Package client joins the generated client with what the contract says in words: where the two operations are, which
// answers are a success, and what an answer that is none has to tell.
package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	copilot "example.com/copilot/generated"
)

// Client sends events and consents.
type Client struct {
	credentials      Credentials
	collect, consent *copilot.APIClient
}

// Refusal is an answer that refuses the whole request, or that cannot be read.
type Refusal struct {
	Status     int
	Reason     string // the API's code, empty if the answer has none
	RetryAfter string // the header of that name, empty if the answer has none
	Err        error
}

func (r *Refusal) Error() string { return fmt.Sprintf("status %d %s: %v", r.Status, r.Reason, r.Err) }

// Unwrap gives the error of the generated client.
func (r *Refusal) Unwrap() error { return r.Err }

// New takes the whole URL of each operation, path included. A nil transport is http.DefaultTransport.
func New(
	credentials Credentials, collectEndpoint, consentEndpoint string, transport http.RoundTripper,
) (*Client, error) {
	if transport == nil {
		transport = http.DefaultTransport
	}
	collect, err := operation(collectEndpoint, transport)
	if err != nil {
		return nil, err
	}
	consent, err := operation(consentEndpoint, transport)
	if err != nil {
		return nil, err
	}
	return &Client{credentials, collect, consent}, nil
}

// Collect sends events. The answer lists those that were refused; all others were taken. An event that breaks a pattern
// is refused here, before anything is sent.
func (c *Client) Collect(ctx context.Context, events []copilot.Event) (*copilot.CollectResponse, error) {
	for index, event := range events {
		if err := Validate(event.GetActualInstance()); err != nil {
			return nil, fmt.Errorf("event %d: %w", index, err)
		}
	}
	call := c.collect.CollectAPI.Collect(c.authorised(ctx)).CollectRequest(*copilot.NewCollectRequest(events))
	taken, answer, err := call.Execute()
	// The generated client calls every status below 300 a success, and reads an empty body as no answer at all.
	if err == nil && (answer.StatusCode != http.StatusOK || taken == nil) {
		err = errors.New("not an answer of collect")
	}
	if err != nil {
		return nil, refusal(answer, err)
	}
	return taken, nil
}

// SetConsent reports what a user decided. Without an error the change was recorded.
func (c *Client) SetConsent(ctx context.Context, change copilot.ConsentChange) error {
	if err := Validate(&change); err != nil {
		return err
	}
	answer, err := c.consent.ConsentAPI.SetConsent(c.authorised(ctx)).ConsentChange(change).Execute()
	if err == nil && answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusNoContent {
		err = errors.New("not an answer of set_consent")
	}
	if err != nil {
		return refusal(answer, err)
	}
	return nil
}

func (c *Client) authorised(ctx context.Context) context.Context {
	return context.WithValue(ctx, copilot.ContextBasicAuth, c.credentials.basic())
}

func refusal(answer *http.Response, err error) error {
	if answer == nil {
		return err
	}
	told := &Refusal{Status: answer.StatusCode, RetryAfter: answer.Header.Get("Retry-After"), Err: err}
	var generated *copilot.GenericOpenAPIError
	if errors.As(err, &generated) {
		model, ok := generated.Model().(copilot.ApiError)
		// The generated client reads no body of a status that the contract does not list.
		if ok || json.Unmarshal(generated.Body(), &model) == nil {
			told.Reason = model.Reason
		}
	}
	return told
}

// operation makes a generated client whose requests all go to one URL: either operation may live anywhere.
func operation(endpoint string, transport http.RoundTripper) (*copilot.APIClient, error) {
	target, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	if target.Host == "" {
		return nil, fmt.Errorf("%q is not the URL of an operation", endpoint)
	}
	configuration := copilot.NewConfiguration()
	configuration.HTTPClient = &http.Client{
		Transport: redirected{target, transport},
		Timeout:   30 * time.Second,
		// A POST must not become a GET, and credentials must not travel to where an answer points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return copilot.NewAPIClient(configuration), nil
}

type redirected struct {
	target *url.URL
	next   http.RoundTripper
}

func (r redirected) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := request.Clone(request.Context())
	sent.URL, sent.Host = r.target, r.target.Host
	return r.next.RoundTrip(sent)
}
