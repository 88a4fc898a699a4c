package main

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// sameJSON tells whether two texts hold equal JSON: an integer only equals itself, a decimal number its value.
func sameJSON(left, right []byte) bool {
	return reflect.DeepEqual(canonical(left), canonical(right))
}

func canonical(text []byte) interface{} {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value interface{}
	check(decoder.Decode(&value))
	return canonicalNumbers(value)
}

func canonicalNumbers(value interface{}) interface{} {
	switch value := value.(type) {
	case json.Number:
		if integer, err := value.Int64(); err == nil {
			return integer
		}
		decimal, err := value.Float64()
		check(err)
		// 5.0 may be written as 5: the value of a decimal number is what counts.
		if integer := int64(decimal); float64(integer) == decimal && decimal < 1<<63 && decimal > -1<<63 {
			return integer
		}
		return decimal
	case []interface{}:
		for index := range value {
			value[index] = canonicalNumbers(value[index])
		}
	case map[string]interface{}:
		for name := range value {
			value[name] = canonicalNumbers(value[name])
		}
	}
	return value
}
