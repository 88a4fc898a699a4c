package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"example.com/copilot/client"
	copilot "example.com/copilot/generated"
)

type responseCase struct {
	Name, Operation string
	EventIDs        []string `json:"event_ids"`
	Answer          map[string]interface{}
	Conforms        bool
	Read            map[string]interface{}
}

func (r *runner) responses(name, events string) {
	var file struct{ Cases []responseCase }
	r.read(name, &file)
	var samples struct{ Cases []eventCase }
	r.read(events, &samples)
	for _, test := range file.Cases {
		test.Answer["kind"] = "answer"
		r.control(http.MethodPost, "/_sandbox/faults", line{"next": 1, "fault": test.Answer}, nil)
		fields := line{"name": test.Name}
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
		case errors.As(err, &refusal):
			fields["status"], fields["reason"] = refusal.Status, nil
			if refusal.Reason != "" {
				fields["reason"] = refusal.Reason
			}
		default:
			delete(fields, "status")
			fields["error"] = true
		}
		expected := line{}
		for _, member := range []string{"status", "invalid_events", "reason", "unreadable"} {
			if value, ok := test.Read[member]; ok {
				expected[member] = value
			}
		}
		// An error is right wherever the contract does not describe the answer.
		equal := r.equal(fields, expected) || fields["error"] == true && !test.Conforms
		r.compare("response", name, test.Name, fields, equal, expected)
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
