package main

import (
	"encoding/json"
	"fmt"
)

const shown = 20

// tally counts the cases, and keeps in words how the first of them differ from the vectors.
type tally struct {
	report                 *json.Encoder
	cases, skipped, differ int
}

type line map[string]interface{}

// line reports a case as it was found, and compares the members that the vector expects.
func (t *tally) line(part, file, name string, found, expected line) {
	t.compare(part, file, name, found, t.equal(found, expected), expected)
}

// skip reports a case of which this language cannot read what the vector needs.
func (t *tally) skip(file, name, need string) {
	t.cases++
	t.skipped++
	check(t.report.Encode(line{"part": "event", "file": file, "name": name, "skipped": need}))
}

func (t *tally) compare(part, file, name string, found line, equal bool, expected line) {
	t.cases++
	if !equal {
		t.differ++
		if t.differ <= shown {
			fmt.Printf("%s, %s, %s: %s instead of %s\n", part, file, name, text(found), text(expected))
		}
	}
	reported := line{"part": part}
	for member, value := range found {
		reported[member] = value
	}
	check(t.report.Encode(reported))
}

func (t *tally) equal(found, expected line) bool {
	for member, value := range expected {
		if !sameJSON(encoded(found[member]), encoded(value)) {
			return false
		}
	}
	return true
}

func text(value interface{}) string { return string(encoded(value)) }

func encoded(value interface{}) []byte {
	made, err := json.Marshal(value)
	check(err)
	return made
}

// end prints the sum, and tells whether all is well.
func (t *tally) end() bool {
	fmt.Printf("%d cases, %d skipped, %d differ\n", t.cases, t.skipped, t.differ)
	return t.differ == 0
}
