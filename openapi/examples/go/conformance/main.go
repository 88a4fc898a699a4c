// Judges the vectors with the generated client against the sandbox, compares every verdict with its vector, and reports
// one line for each case if a report is asked for.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sort"

	"example.com/copilot/client"
)

type runner struct {
	tally
	vectors, sandbox string
	api              *client.Client
	observed         *observer
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
	sandbox, id, secret := sandboxURL(), variable("COPILOT_CLIENT_ID"), variable("COPILOT_CLIENT_SECRET")
	credentials, err := client.NewCredentials(id, secret)
	if err != nil {
		misused(err.Error())
	}
	observed := &observer{}
	const consentPath = "/v2/api/report/user_copilot_analysis_consent_changed"
	api, err := client.New(credentials, sandbox+"/v2/collect", sandbox+consentPath, observed)
	if err != nil {
		misused(err.Error())
	}
	var report io.Writer = io.Discard
	if path := os.Getenv("COPILOT_REPORT"); path != "" {
		file, err := os.Create(path)
		check(err)
		defer func() { check(file.Close()) }()
		report = file
	}
	run := runner{tally{report: json.NewEncoder(report)}, os.Getenv("COPILOT_VECTORS"), sandbox, api, observed}
	run.report.SetEscapeHTML(false)
	if run.vectors == "" {
		run.vectors = filepath.Join("..", "..", "vectors")
	}
	run.checkClock()

	events, err := filepath.Glob(filepath.Join(run.vectors, "events", "*.json"))
	check(err)
	sort.Strings(events)
	schemas := variants()
	for _, path := range events {
		run.control(http.MethodPost, "/_sandbox/reset", nil, nil)
		run.events("events/"+filepath.Base(path), schemas)
	}
	run.consents("consent.json")
	run.texts("texts.json")
	run.credentials("basic-auth.json")
	run.times("timestamps.json")
	run.responses("responses.json", "events/"+filepath.Base(events[0]))
	// That testdata/wrong-field does not compile is a check of its own.
	check(run.report.Encode(line{"part": "wrong_field", "by": "types"}))
	if !run.end() {
		os.Exit(1)
	}
}

func (r *runner) read(name string, into interface{}) { readJSON(filepath.Join(r.vectors, name), into) }

func readJSON(path string, into interface{}) {
	text, err := os.ReadFile(path)
	check(err)
	check(json.Unmarshal(text, into))
}

// variants tells by the contract's discriminator which schema each type of event has.
func variants() map[string]string {
	var contract struct {
		Components struct {
			Schemas struct {
				Event struct {
					Discriminator struct{ Mapping map[string]string }
				}
			}
		}
	}
	readJSON(filepath.Join("generated", "contract.json"), &contract)
	schemas := map[string]string{}
	for kind, reference := range contract.Components.Schemas.Event.Discriminator.Mapping {
		schemas[kind] = filepath.Base(reference)
	}
	return schemas
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
