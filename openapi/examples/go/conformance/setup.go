package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"example.com/copilot/client"
)

// variable gives an environment variable that the run cannot do without.
func variable(name string) string {
	value := os.Getenv(name)
	if value == "" {
		misused("the environment variable " + name + " is not set")
	}
	return value
}

// sandboxURL refuses every other machine: the run sends thousands of made-up events and empties the sandbox.
func sandboxURL() string {
	text := variable("COPILOT_SANDBOX_URL")
	target, err := url.Parse(text)
	if err != nil || target.Scheme != "http" || target.User != nil || !client.IsLoopback(target.Hostname()) {
		misused("COPILOT_SANDBOX_URL must be an http URL of this machine, as http://127.0.0.1:7301")
	}
	return strings.TrimRight(text, "/")
}

// checkClock refuses a sandbox that would judge the times of the vectors by another moment than theirs.
func (r *runner) checkClock() {
	var vectors struct{ Now int64 }
	r.read("timestamps.json", &vectors)
	var status struct{ Clock *int64 }
	if err := r.ask("GET", "/_sandbox/status", nil, &status); err != nil {
		misused(err.Error())
	}
	if status.Clock == nil || *status.Clock != vectors.Now {
		misused(fmt.Sprintf("start the sandbox with --clock %d: the vectors are judged at that moment", vectors.Now))
	}
}

func misused(sentence string) {
	fmt.Fprintln(os.Stderr, sentence)
	os.Exit(2)
}
