package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

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

// Validate checks a model before it is sent: its patterns, and whether it can be written. What it does not know
// (lengths, times, numbers of properties) is for the receiver to refuse.
func Validate(model interface{}) error {
	if model == nil {
		return errors.New("an event of no type")
	}
	if _, err := json.Marshal(model); err != nil {
		return errors.New("a value that cannot be written as JSON")
	}
	// encoding/json would send U+FFFD in the place of what is not UTF-8.
	if err := checkText("", reflect.ValueOf(model)); err != nil {
		return err
	}
	return models.Validate(model)
}

func checkText(place string, value reflect.Value) error {
	switch value.Kind() {
	case reflect.String:
		if !utf8.ValidString(value.String()) {
			return fmt.Errorf("%s: text that is not valid UTF-8", strings.ToValidUTF8(place, "\uFFFD"))
		}
	case reflect.Ptr, reflect.Interface:
		return checkText(place, value.Elem())
	case reflect.Slice, reflect.Array:
		for index := 0; index < value.Len(); index++ {
			if err := checkText(fmt.Sprintf("%s/%d", place, index), value.Index(index)); err != nil {
				return err
			}
		}
	case reflect.Map:
		for entries := value.MapRange(); entries.Next(); {
			inside := fmt.Sprintf("%s/%v", place, entries.Key())
			if err := checkText(inside, entries.Key()); err != nil {
				return err
			}
			if err := checkText(inside, entries.Value()); err != nil {
				return err
			}
		}
	case reflect.Struct:
		for index := 0; index < value.NumField(); index++ {
			inside := place
			if name, _, _ := strings.Cut(value.Type().Field(index).Tag.Get("json"), ","); name != "" {
				inside += "/" + name
			}
			if err := checkText(inside, value.Field(index)); err != nil {
				return err
			}
		}
	}
	return nil
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
