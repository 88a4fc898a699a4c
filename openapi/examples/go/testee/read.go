package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"

	copilot "example.com/copilot/generated"
)

// escapes finds all that a backslash begins; its group is half of a pair of surrogates.
var escapes = regexp.MustCompile(`\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)`)

// readText reads JSON, but not half of a pair of surrogates, in the place of which encoding/json reads U+FFFD.
func readText(text []byte, into interface{}) error {
	for _, escape := range escapes.FindAllSubmatch(text, -1) {
		if escape[1] != nil {
			return errors.New("half of a pair of surrogates")
		}
	}
	return json.Unmarshal(text, into)
}

// readEvent reads an event that was written as JSON. The generated reader holds each number of a free property as a
// float64, and so loses integers beyond 2^53; this puts back what was written. Nobody who builds an event needs it.
func readEvent(text []byte) (copilot.Event, error) {
	var event copilot.Event
	if err := readText(text, &event); err != nil {
		return event, err
	}
	instance := reflect.ValueOf(event.GetActualInstance())
	if !instance.IsValid() {
		return event, errors.New("an event of no type")
	}
	var written struct{ Payload map[string]interface{} }
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	payload := instance.Elem().FieldByName("Payload")
	if decoder.Decode(&written) != nil || payload.Kind() != reflect.Struct {
		return event, nil
	}
	restore(payload.FieldByName("AdditionalProperties"), written.Payload)
	custom, _ := written.Payload["custom_properties"].(map[string]interface{})
	restore(payload.FieldByName("CustomProperties"), custom)
	return event, nil
}

func restore(field reflect.Value, written map[string]interface{}) {
	if !field.IsValid() {
		return
	}
	if values, ok := field.Interface().(map[string]interface{}); ok {
		for name := range values {
			values[name] = written[name]
		}
	}
}
