package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"unicode/utf8"

	copilot "example.com/copilot/generated"
)

// escapes finds all that a backslash begins; its group is half of a pair of surrogates.
var escapes = regexp.MustCompile(`\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)`)

// ReadEvent reads an event that was written as JSON. The generated reader holds each number of a free property as a
// float64, and so loses integers beyond 2^53; this puts back what was written. Nobody who builds an event needs it.
func ReadEvent(text []byte) (copilot.Event, error) {
	var event copilot.Event
	// encoding/json would read U+FFFD in the place of both.
	if !utf8.Valid(text) {
		return event, errors.New("text that is not valid UTF-8")
	}
	for _, escape := range escapes.FindAllSubmatch(text, -1) {
		if escape[1] != nil {
			return event, errors.New("half of a pair of surrogates")
		}
	}
	if err := json.Unmarshal(text, &event); err != nil {
		return event, err
	}
	var written struct{ Payload map[string]json.RawMessage }
	instance := reflect.ValueOf(event.GetActualInstance())
	if !instance.IsValid() || json.Unmarshal(text, &written) != nil {
		return event, nil
	}
	payload := instance.Elem().FieldByName("Payload")
	if payload.Kind() != reflect.Struct {
		return event, nil
	}
	for index := 0; index < payload.NumField(); index++ {
		field := payload.Field(index)
		if !field.CanInterface() {
			continue
		}
		switch values := field.Interface().(type) {
		case map[string]interface{}: // AdditionalProperties
			for name := range values {
				values[name] = exact(written.Payload[name])
			}
		case map[string]copilot.PropertyValue: // CustomProperties
			restore(values, written.Payload)
		}
	}
	return event, nil
}

func restore(values map[string]copilot.PropertyValue, payload map[string]json.RawMessage) {
	for _, text := range payload {
		var object map[string]json.RawMessage
		if json.Unmarshal(text, &object) != nil {
			continue
		}
		for name, value := range values {
			if number, ok := exact(object[name]).(json.Number); ok && value.Float64 != nil {
				if integer, err := number.Int64(); err == nil {
					values[name] = copilot.PropertyValue{Int64: &integer}
				}
			}
		}
	}
}

func exact(text json.RawMessage) interface{} {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value interface{}
	if decoder.Decode(&value) != nil {
		return nil
	}
	return value
}
