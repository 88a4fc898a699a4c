package client

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"regexp"
	"syscall"
)

// No error of this package holds the body of a request or of an answer, nor the credentials.

// InvalidEvent is an event that this client refuses. Nothing of the request was sent: mend the event, or leave it out,
// and send the others.
type InvalidEvent struct {
	Index   int
	EventID string
	Err     error // names the place and the rule
}

func (e *InvalidEvent) Error() string {
	return fmt.Sprintf("event %d (event_id %q), nothing was sent: %v", e.Index, e.EventID, e.Err)
}

// Unwrap gives the place and the rule.
func (e *InvalidEvent) Unwrap() error { return e.Err }

// Refusal is an answer that refuses the whole request: nothing was taken. 408, 429 and 5XX may be sent again later.
type Refusal struct {
	Status     int
	Reason     string // the API's code, empty if the answer has none
	RetryAfter string // the header of that name, empty if the answer has none
}

// code is the form of a reason that is told: a server may write anything there, what was sent to it too.
var code = regexp.MustCompile(`^[A-Z][A-Z0-9_.]*$`)

func (r *Refusal) Error() string {
	if !code.MatchString(r.Reason) {
		return fmt.Sprintf("refused with status %d", r.Status)
	}
	return fmt.Sprintf("refused with status %d: %s", r.Status, r.Reason)
}

// Unreadable is a success that does not tell what it must. The events, all or some, were probably taken: sent again
// they count twice, and not sent again those that were refused are lost. Decide which is worse for you.
type Unreadable struct{ Status int }

func (u *Unreadable) Error() string {
	return fmt.Sprintf("status %d with an answer that cannot be read: the request may have been taken", u.Status)
}

// NoAnswer means that no answer came. Unless the connection was refused, the request may have been taken.
type NoAnswer struct {
	Server string
	Reason string
	cause  error
}

func (n *NoAnswer) Error() string { return fmt.Sprintf("no answer from %s: %s", n.Server, n.Reason) }

// Unwrap gives the error of the caller's context, if that was the end of the call.
func (n *NoAnswer) Unwrap() error { return n.cause }

// broken puts a failed call into words of its own: net/http quotes what a server sent that is not HTTP.
func broken(err error) string {
	var system syscall.Errno
	var network net.Error
	var name *net.DNSError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var certificate x509.CertificateInvalidError
	switch {
	case errors.As(err, &system):
		return system.Error()
	case errors.As(err, &name):
		return "the host was not found"
	case errors.Is(err, context.Canceled):
		return "the call was cancelled"
	case errors.As(err, &network) && network.Timeout():
		return "it took too long"
	case errors.As(err, &authority), errors.As(err, &host), errors.As(err, &certificate):
		return "its certificate is not to be trusted"
	}
	return "the connection broke"
}
