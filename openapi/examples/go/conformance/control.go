package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"syscall"
)

// control calls the sandbox's control API.
func (r *runner) control(method, path string, body, into interface{}) {
	check(r.ask(method, path, body, into))
}

func (r *runner) ask(method, path string, body, into interface{}) error {
	request, err := http.NewRequest(method, r.sandbox+path, bytes.NewReader(encoded(body)))
	if err != nil {
		return err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		var system syscall.Errno
		if errors.As(err, &system) {
			err = system
		}
		return fmt.Errorf("no answer from %s: %w", r.sandbox, err)
	}
	defer func() { check(answer.Body.Close()) }()
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
