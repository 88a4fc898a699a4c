package main

import (
	"bytes"
	"encoding/json"
	"log"
	"net/http"
)

// control calls the sandbox's control API.
func (r *runner) control(method, path string, body, into interface{}) {
	text, err := json.Marshal(body)
	check(err)
	request, err := http.NewRequest(method, r.sandbox+path, bytes.NewReader(text))
	check(err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	check(err)
	defer func() { check(answer.Body.Close()) }()
	if answer.StatusCode >= 300 {
		log.Fatalf("%s %s: %s", method, path, answer.Status)
	}
	if into != nil {
		check(json.NewDecoder(answer.Body).Decode(into))
	}
}
