package client

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	copilot "example.com/copilot/generated"
)

// Credentials are what Copilot.cx gave you. They are for servers only. No form of printing shows them, not even within
// another value: a function prints as an address.
type Credentials struct {
	basic func() copilot.BasicAuth
}

// NewCredentials refuses what HTTP Basic cannot carry: an empty text, a colon in the id, a control character.
// Its errors never quote either.
func NewCredentials(clientID, clientSecret string) (Credentials, error) {
	switch {
	case clientID == "" || clientSecret == "":
		return Credentials{}, errors.New("the client id or the client secret is empty")
	case strings.Contains(clientID, ":"):
		return Credentials{}, errors.New("the client id holds a colon")
	case !utf8.ValidString(clientID) || !utf8.ValidString(clientSecret):
		return Credentials{}, errors.New("the client id or the client secret is not valid UTF-8")
	case strings.IndexFunc(clientID+clientSecret, unicode.IsControl) >= 0:
		return Credentials{}, errors.New("the client id or the client secret holds a control character, perhaps a newline at its end")
	}
	return Credentials{func() copilot.BasicAuth {
		return copilot.BasicAuth{UserName: clientID, Password: clientSecret}
	}}, nil
}
