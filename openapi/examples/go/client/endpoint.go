package client

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// parseEndpoint refuses what must not be called. Its errors name the rule alone: a wrong URL may hold a password.
func parseEndpoint(endpoint string) (*url.URL, error) {
	target, err := url.Parse(endpoint)
	switch {
	case err != nil || target.Hostname() == "" || target.Scheme != "http" && target.Scheme != "https":
		return nil, errors.New("not an absolute URL of http or https")
	case target.User != nil:
		return nil, errors.New("user info in the URL; the credentials are given apart from it")
	case target.Scheme == "http" && !IsLoopback(target.Hostname()):
		return nil, errors.New("plain http is for loopback hosts only; use https")
	}
	return target, nil
}

// IsLoopback tells whether a host is this very machine: localhost, 127.x.x.x or ::1.
func IsLoopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

type redirected struct {
	target *url.URL
	next   http.RoundTripper
}

func (r redirected) RoundTrip(request *http.Request) (*http.Response, error) {
	sent := request.Clone(request.Context())
	sent.URL, sent.Host = r.target, r.target.Host
	return r.next.RoundTrip(sent)
}
