package client

import (
	"errors"
	"reflect"
	"regexp"

	"gopkg.in/validator.v2"
)

// models checks the patterns, the only rules that the generator writes into the tags of its models.
var models = newValidator()

func newValidator() *validator.Validator {
	made := validator.NewValidator()
	// Releases of the package before 2.0 refuse an optional field that is absent.
	if err := made.SetValidationFunc("regexp", matches); err != nil {
		panic(err)
	}
	return made
}

// Validate checks a model before it is sent. What it does not know (lengths, times, numbers of properties) is for the
// receiver to refuse.
func Validate(model interface{}) error {
	if model == nil {
		return errors.New("an event of no type")
	}
	return models.Validate(model)
}

func matches(value interface{}, pattern string) error {
	text := reflect.ValueOf(value)
	if text.Kind() == reflect.Ptr {
		if text.IsNil() {
			return nil
		}
		text = text.Elem()
	}
	if !text.IsValid() {
		return nil
	}
	expression, err := regexp.Compile(pattern)
	if err != nil {
		return validator.ErrBadParameter
	}
	if text.Kind() != reflect.String || !expression.MatchString(text.String()) {
		return validator.ErrRegexp
	}
	return nil
}
