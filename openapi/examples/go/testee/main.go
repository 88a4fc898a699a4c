// The testee of `cargo xtask polyglot`: does what each line of standard input asks, and says what came of it. It knows no
// verdicts.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"time"

	"example.com/copilot/client"
	copilot "example.com/copilot/generated"
)

type question struct {
	Do           string
	Events       []string
	Change       string
	ClientID     *string `json:"client_id"`
	ClientSecret *string `json:"client_secret"`
	Text         string
	Value        json.RawMessage
	Now          int64
}

type answer map[string]interface{}

func main() {
	own, err := connect(os.Getenv("COPILOT_CLIENT_ID"), os.Getenv("COPILOT_CLIENT_SECRET"))
	check(err)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var asked question
		check(json.Unmarshal(lines.Bytes(), &asked))
		said, err := json.Marshal(do(own, asked))
		check(err)
		fmt.Println(string(said))
	}
}

func do(api *client.Client, asked question) answer {
	switch asked.Do {
	case "collect":
		return collect(api, asked.Events)
	case "set_consent":
		if asked.ClientID != nil && asked.ClientSecret != nil {
			other, err := connect(*asked.ClientID, *asked.ClientSecret)
			if err != nil {
				return answer{"refused": "credentials"}
			}
			api = other
		}
		return setConsent(api, []byte(asked.Change))
	case "read_time":
		milliseconds, err := client.ParseUtc(asked.Text)
		if err != nil {
			return answer{"refused": "time"}
		}
		return answer{"epoch_ms": milliseconds}
	default:
		return writeTime(asked.Value, asked.Now)
	}
}

func collect(api *client.Client, texts []string) answer {
	var events []copilot.Event
	for _, text := range texts {
		event, err := readEvent([]byte(text))
		if err != nil {
			return answer{"refused": "types"}
		}
		events = append(events, event)
	}
	taken, err := api.Collect(context.Background(), events)
	if err != nil {
		return failed(err)
	}
	refused := []map[string]interface{}{}
	for _, event := range taken.InvalidEvents {
		event.AdditionalProperties = nil
		members, err := event.ToMap()
		check(err)
		refused = append(refused, members)
	}
	readAs := reflect.TypeOf(events[0].GetActualInstance()).Elem().Name()
	return answer{"taken": true, "invalid_events": refused, "read_as": readAs}
}

func setConsent(api *client.Client, text []byte) answer {
	var change copilot.ConsentChange
	if err := readText(text, &change); err != nil {
		return answer{"refused": "types"}
	}
	if err := api.SetConsent(context.Background(), change); err != nil {
		return failed(err)
	}
	return answer{"taken": true}
}

func failed(err error) answer {
	var refusal *client.Refusal
	var unreadable *client.Unreadable
	var unanswered *client.NoAnswer
	switch {
	case errors.As(err, &refusal):
		said := answer{"status": refusal.Status, "reason": nil}
		if refusal.Reason != "" {
			said["reason"] = refusal.Reason
		}
		return said
	case errors.As(err, &unreadable), errors.As(err, &unanswered):
		return answer{"error": err.Error()}
	}
	return answer{"refused": "validator"}
}

// writeTime reads the value as the timestamp of an event is read.
func writeTime(value json.RawMessage, now int64) answer {
	var timestamp *int64
	if json.Unmarshal(value, &timestamp) != nil || timestamp == nil ||
		client.CheckEventTime(*timestamp, time.UnixMilli(now)) != nil {
		return answer{"refused": "time"}
	}
	text, err := client.FormatUtc(*timestamp)
	check(err)
	return answer{"text": text}
}

func connect(id, secret string) (*client.Client, error) {
	credentials, err := client.NewCredentials(id, secret)
	if err != nil {
		return nil, err
	}
	return client.New(credentials,
		os.Getenv("COPILOT_CLIENT_COLLECT_ENDPOINT"), os.Getenv("COPILOT_CLIENT_CONSENT_ENDPOINT"), nil)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
