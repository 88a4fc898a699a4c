package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"example.com/copilot/client"
	copilot "example.com/copilot/generated"
)

// recorder answers every request itself, and keeps the header by which the client proved who it is.
type recorder struct{ header string }

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	r.header = request.Header.Get("Authorization")
	empty := io.NopCloser(strings.NewReader(""))
	return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: empty, Request: request}, nil
}

func (r *runner) credentials(name string) {
	var file struct {
		Cases []struct {
			Name         string
			ClientID     string `json:"client_id"`
			ClientSecret string `json:"client_secret"`
		}
	}
	r.read(name, &file)
	for _, test := range file.Cases {
		credentials, err := client.NewCredentials(test.ClientID, test.ClientSecret)
		if err != nil {
			r.line(line{"part": "auth", "name": test.Name, "refused": true})
			continue
		}
		sent := &recorder{}
		api, err := client.New(credentials, "http://127.0.0.1/collect", "http://127.0.0.1/consent", sent)
		check(err)
		check(api.SetConsent(context.Background(), *copilot.NewConsentChange("u", true)))
		r.line(line{"part": "auth", "name": test.Name, "header": sent.header})
	}
}

func (r *runner) times(name string) {
	var file struct {
		Now int64
		Utc []struct{ Name, Text string }
		// A value is read into the same Go type as an event's timestamp.
		Epoch []struct {
			Name  string
			Value json.RawMessage
		}
	}
	r.read(name, &file)
	for _, test := range file.Utc {
		if milliseconds, err := client.ParseUtc(test.Text); err == nil {
			r.line(line{"part": "time", "name": test.Name, "epoch_ms": milliseconds})
		} else {
			r.line(line{"part": "time", "name": test.Name, "refused": true})
		}
	}
	now := time.UnixMilli(file.Now)
	for _, test := range file.Epoch {
		var event struct{ Timestamp *int64 }
		err := json.Unmarshal([]byte(`{"timestamp":`+string(test.Value)+`}`), &event)
		if err == nil && event.Timestamp == nil {
			err = errors.New("null")
		}
		if err == nil {
			err = client.CheckEventTime(*event.Timestamp, now)
		}
		if err != nil {
			r.line(line{"part": "time", "name": test.Name, "refused": true})
			continue
		}
		text, err := client.FormatUtc(*event.Timestamp)
		check(err)
		r.line(line{"part": "time", "name": test.Name, "text": text})
	}
}

type responseCase struct {
	Name, Operation string
	EventIDs        []string `json:"event_ids"`
	Answer          map[string]interface{}
}

func (r *runner) responses(name, events string) {
	var file struct{ Cases []responseCase }
	r.read(name, &file)
	var samples struct{ Cases []eventCase }
	r.read(events, &samples)
	for _, test := range file.Cases {
		test.Answer["kind"] = "answer"
		r.control(http.MethodPost, "/_sandbox/faults", line{"next": 1, "fault": test.Answer}, nil)
		fields := line{"part": "response", "name": test.Name}
		var err error
		if test.Operation == "collect" {
			var answer *copilot.CollectResponse
			answer, err = r.api.Collect(context.Background(), withIDs(samples.Cases[0].Body, test.EventIDs))
			if err == nil {
				fields["status"], fields["invalid_events"] = http.StatusOK, known(answer.InvalidEvents)
			}
		} else {
			err = r.api.SetConsent(context.Background(), *copilot.NewConsentChange("u", true))
			fields["status"] = r.observed.status
		}
		var refusal *client.Refusal
		switch {
		case err == nil:
		case errors.As(err, &refusal) && refusal.Status >= 300:
			fields["status"], fields["reason"] = refusal.Status, nil
			if refusal.Reason != "" {
				fields["reason"] = refusal.Reason
			}
		default:
			delete(fields, "status")
			fields["error"] = true
		}
		r.line(fields)
	}
}

// withIDs makes events that differ in their ids alone.
func withIDs(sample json.RawMessage, ids []string) []copilot.Event {
	events := make([]copilot.Event, 0, len(ids))
	for _, id := range ids {
		var body map[string]interface{}
		check(json.Unmarshal(sample, &body))
		body["event_id"] = id
		text, err := json.Marshal(body)
		check(err)
		event, err := client.ReadEvent(text)
		check(err)
		events = append(events, event)
	}
	return events
}

// known tells the members of the refusals that the contract lists.
func known(refusals []copilot.InvalidEvent) []line {
	told := make([]line, 0, len(refusals))
	for _, refusal := range refusals {
		refusal.AdditionalProperties = nil
		fields, err := refusal.ToMap()
		check(err)
		told = append(told, fields)
	}
	return told
}
