package client

import (
	"errors"
	"fmt"
	"time"
)

// The greatest EpochMillis, and how far an EventTime may lie before and after the receiver's clock.
const (
	lastMillisecond = 253402300799999
	windowPast      = 30 * 24 * time.Hour
	windowFuture    = 5 * time.Minute
)

const utcLayout = "2006-01-02T15:04:05.000Z"

// ParseUtc reads a UtcTimestamp, the only form in which this API writes a time, as milliseconds since 1970.
func ParseUtc(text string) (int64, error) {
	moment, err := time.Parse(utcLayout, text)
	if err != nil {
		return 0, err
	}
	// time.Parse takes a comma for the point, and other liberties. What is written back shows them all.
	if moment.Format(utcLayout) != text {
		return 0, fmt.Errorf("%q is not of the form YYYY-MM-DDThh:mm:ss.sssZ", text)
	}
	return moment.UnixMilli(), nil
}

// FormatUtc writes milliseconds since 1970 as a UtcTimestamp.
func FormatUtc(milliseconds int64) (string, error) {
	if milliseconds < 0 || milliseconds > lastMillisecond {
		return "", fmt.Errorf("%d is not between 0 and the end of the year 9999", milliseconds)
	}
	return time.UnixMilli(milliseconds).UTC().Format(utcLayout), nil
}

// CheckEventTime refuses a time of an event that Copilot.cx would refuse at that moment.
func CheckEventTime(milliseconds int64, now time.Time) error {
	if _, err := FormatUtc(milliseconds); err != nil {
		return err
	}
	switch moment := time.UnixMilli(milliseconds); {
	case moment.Before(now.Add(-windowPast)):
		return errors.New("more than 30 days ago; perhaps in seconds")
	case moment.After(now.Add(windowFuture)):
		return errors.New("more than 5 minutes ahead")
	}
	return nil
}
