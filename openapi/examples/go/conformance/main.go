// Judges the vectors with the generated client against the sandbox, and reports one line for each case.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"sort"

	"example.com/copilot/client"
)

type runner struct {
	vectors, sandbox string
	api              *client.Client
	observed         *observer
	report           *json.Encoder
}

// observer keeps the status of the last answer, which the client hides when it is a success.
type observer struct{ status int }

func (o *observer) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err == nil {
		o.status = answer.StatusCode
	}
	return answer, err
}

func main() {
	credentials, err := client.NewCredentials(os.Getenv("COPILOT_CLIENT_ID"), os.Getenv("COPILOT_CLIENT_SECRET"))
	check(err)
	observed := &observer{}
	api, err := client.New(credentials,
		os.Getenv("COPILOT_CLIENT_COLLECT_ENDPOINT"), os.Getenv("COPILOT_CLIENT_CONSENT_ENDPOINT"), observed)
	check(err)
	file, err := os.Create(os.Getenv("COPILOT_REPORT"))
	check(err)
	run := runner{os.Getenv("COPILOT_VECTORS"), os.Getenv("COPILOT_SANDBOX_URL"), api, observed, json.NewEncoder(file)}
	run.report.SetEscapeHTML(false)

	events, err := filepath.Glob(filepath.Join(run.vectors, "events", "*.json"))
	check(err)
	sort.Strings(events)
	for _, path := range events {
		run.control(http.MethodPost, "/_sandbox/reset", nil, nil)
		run.events("events/" + filepath.Base(path))
	}
	run.consents("consent.json")
	run.credentials("basic-auth.json")
	run.times("timestamps.json")
	run.responses("responses.json", "events/"+filepath.Base(events[0]))
	// That testdata/wrong-field does not compile is a check of its own.
	run.line(line{"part": "wrong_field", "by": "types"})
	check(file.Close())
}

type line map[string]interface{}

func (r *runner) line(fields line) { check(r.report.Encode(fields)) }

func (r *runner) read(name string, into interface{}) {
	text, err := os.ReadFile(filepath.Join(r.vectors, name))
	check(err)
	check(json.Unmarshal(text, into))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
