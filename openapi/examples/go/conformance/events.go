package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"example.com/copilot/client"
	copilot "example.com/copilot/generated"
)

const (
	batch       = 250
	inTheText   = "as in the contract"
	missingText = "no value given for required property"
)

type eventCase struct {
	Name  string
	Valid bool
	Body  json.RawMessage
}

type textCase struct {
	eventCase
	Operation, Text string
	Needs           []string
}

// verdict is what the client says of a case before anything is sent: empty `by` means that it would send it.
type verdict struct{ by, detail string }

// judge reads a case into its model, writes it back, and validates the model.
func judge(body json.RawMessage, model interface{}, readError error) verdict {
	if readError != nil {
		// The generated reader looks for required members itself; everything else is the decoder's doing.
		if strings.Contains(readError.Error(), missingText) {
			return verdict{"validator", "required"}
		}
		return verdict{"types", readError.Error()}
	}
	written, err := json.Marshal(model)
	if err != nil {
		return verdict{"types", "nothing of this type can be written"}
	}
	if event, ok := model.(copilot.Event); ok {
		model = event.GetActualInstance()
	}
	if err := client.Validate(model); err != nil {
		return verdict{"validator", err.Error()}
	}
	if !sameJSON(body, written) {
		return verdict{"unrepresentable", "it would be written otherwise"}
	}
	return verdict{}
}

func (r *runner) events(name string, schemas map[string]string) {
	var file struct{ Cases []eventCase }
	r.read(name, &file)
	var waiting []copilot.Event
	var tests []eventCase
	flush := func() {
		if len(waiting) == 0 {
			return
		}
		answer, err := r.api.Collect(context.Background(), waiting)
		check(err)
		refused := map[int64]string{}
		for _, invalid := range answer.InvalidEvents {
			refused[invalid.GetIndex()] = invalid.GetError()
		}
		for index, test := range tests {
			if detail, ok := refused[int64(index)]; ok {
				r.verdict(name, test, verdict{"server", detail})
			} else {
				r.verdict(name, test, verdict{})
			}
		}
		waiting, tests = nil, nil
	}
	for _, test := range file.Cases {
		event, err := client.ReadEvent(test.Body)
		if found := judge(test.Body, event, err); found.by != "" {
			r.verdict(name, test, found)
			continue
		}
		if test.Name == inTheText {
			r.roundTrip(name, event, schemas)
		}
		waiting, tests = append(waiting, event), append(tests, test)
		if len(waiting) == batch {
			flush()
		}
	}
	flush()
}

func (r *runner) consents(name string) {
	var file struct{ Cases []eventCase }
	r.read(name, &file)
	for _, test := range file.Cases {
		r.verdict(name, test, r.consent(test.Body))
	}
}

func (r *runner) consent(body json.RawMessage) verdict {
	var change copilot.ConsentChange
	found := judge(body, &change, json.Unmarshal(body, &change))
	if found.by == "" {
		found = judge(body, change, nil)
	}
	if found.by == "" {
		found = answered(nil, r.api.SetConsent(context.Background(), change))
	}
	return found
}

// texts judges each text alone: what is no JSON to the sandbox sinks all that is sent with it.
func (r *runner) texts(name string) {
	var file struct{ Cases []textCase }
	r.read(name, &file)
	for _, test := range file.Cases {
		// encoding/json keeps the last member of a name, and says nothing.
		if len(test.Needs) > 0 && test.Needs[0] == "names" {
			r.skip(name, test.Name, "names")
			continue
		}
		text := json.RawMessage(test.Text)
		switch {
		case !json.Valid(text):
			r.verdict(name, test.eventCase, verdict{"reader", "no JSON"})
		case test.Operation == "collect":
			event, err := client.ReadEvent(text)
			found := judge(text, event, err)
			if found.by == "" {
				found = answered(r.api.Collect(context.Background(), []copilot.Event{event}))
			}
			r.verdict(name, test.eventCase, found)
		default:
			r.verdict(name, test.eventCase, r.consent(text))
		}
	}
}

// answered tells what the sandbox said of a request that held one thing.
func answered(answer *copilot.CollectResponse, err error) verdict {
	var refusal *client.Refusal
	if errors.As(err, &refusal) && refusal.Status == http.StatusBadRequest {
		return verdict{"server", refusal.Reason}
	}
	check(err)
	if answer != nil && len(answer.InvalidEvents) > 0 {
		return verdict{"server", answer.InvalidEvents[0].GetError()}
	}
	return verdict{}
}

func (r *runner) verdict(file string, test eventCase, found verdict) {
	fields := line{"file": file, "name": test.Name, "valid": found.by == ""}
	if found.by != "" {
		fields["by"], fields["detail"] = found.by, found.detail
	}
	r.line("event", file, test.Name, fields, line{"valid": test.Valid})
}

// roundTrip sends an event, reads it back from the sandbox, and tells which variant the discriminator chose.
func (r *runner) roundTrip(file string, event copilot.Event, schemas map[string]string) {
	written, err := json.Marshal(event)
	check(err)
	var sent struct {
		Type    string
		EventID string `json:"event_id"`
	}
	check(json.Unmarshal(written, &sent))
	answer, err := r.api.Collect(context.Background(), []copilot.Event{event})
	check(err)
	var received struct {
		Events []struct{ Event json.RawMessage }
	}
	r.control(http.MethodGet, "/_sandbox/events?limit=1&event_id="+url.QueryEscape(sent.EventID), nil, &received)
	if len(received.Events) == 0 {
		r.line("round_trip", file, sent.Type, line{"type": sent.Type, "sent": false}, line{"sent": true})
		return
	}
	read, err := client.ReadEvent(received.Events[0].Event)
	check(err)
	readAs := reflect.TypeOf(read.GetActualInstance()).Elem().Name()
	same := sameJSON(written, received.Events[0].Event)
	taken := len(answer.InvalidEvents) == 0
	r.line("round_trip", file, sent.Type, line{"type": sent.Type, "sent": taken && same, "read_as": readAs},
		line{"sent": true, "read_as": schemas[sent.Type]})
}
