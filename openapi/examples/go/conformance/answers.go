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
			Valid        bool
			Header       string
		}
	}
	r.read(name, &file)
	for _, test := range file.Cases {
		expected := line{"header": test.Header}
		if !test.Valid {
			expected = line{"refused": true}
		}
		credentials, err := client.NewCredentials(test.ClientID, test.ClientSecret)
		if err != nil {
			r.line("auth", name, test.Name, line{"name": test.Name, "refused": true}, expected)
			continue
		}
		sent := &recorder{}
		api, err := client.New(credentials, "http://127.0.0.1/collect", "http://127.0.0.1/consent", sent)
		check(err)
		check(api.SetConsent(context.Background(), *copilot.NewConsentChange("u", true)))
		r.line("auth", name, test.Name, line{"name": test.Name, "header": sent.header}, expected)
	}
}

type timeCase struct {
	Name    string
	Valid   bool
	Text    string
	EpochMs int64 `json:"epoch_ms"`
	// A value is read into the same Go type as an event's timestamp.
	Value json.RawMessage
}

func (r *runner) times(name string) {
	var file struct {
		Now        int64
		Utc, Epoch []timeCase
	}
	r.read(name, &file)
	judge := func(test timeCase, member string, found, expected interface{}, err error) {
		right, told := line{member: expected}, line{"name": test.Name, member: found}
		if !test.Valid {
			right = line{"refused": true}
		}
		if err != nil {
			told = line{"name": test.Name, "refused": true}
		}
		r.line("time", name, test.Name, told, right)
	}
	for _, test := range file.Utc {
		milliseconds, err := client.ParseUtc(test.Text)
		judge(test, "epoch_ms", milliseconds, test.EpochMs, err)
	}
	for _, test := range file.Epoch {
		text, err := epochText(test.Value, time.UnixMilli(file.Now))
		judge(test, "text", text, test.Text, err)
	}
}

func epochText(value json.RawMessage, now time.Time) (string, error) {
	var event struct{ Timestamp *int64 }
	if err := json.Unmarshal([]byte(`{"timestamp":`+string(value)+`}`), &event); err != nil {
		return "", err
	}
	if event.Timestamp == nil {
		return "", errors.New("null")
	}
	if err := client.CheckEventTime(*event.Timestamp, now); err != nil {
		return "", err
	}
	return client.FormatUtc(*event.Timestamp)
}
