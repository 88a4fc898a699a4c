package client

import (
	"errors"
	"strings"
	"unicode"

	copilot "example.com/copilot/generated"
)

// Credentials are what Copilot.cx gave you. They are for servers only. No form of printing shows them, not even within
// another value: a function prints as an address.
type Credentials struct {
	basic func() copilot.BasicAuth
}

// NewCredentials refuses what HTTP Basic cannot carry: an empty text, a colon in the id, a control character.
func NewCredentials(clientID, clientSecret string) (Credentials, error) {
	switch {
	case clientID == "" || clientSecret == "":
		return Credentials{}, errors.New("the client id or the client secret is empty")
	case strings.Contains(clientID, ":"):
		return Credentials{}, errors.New("the client id holds a colon")
	case strings.IndexFunc(clientID+clientSecret, unicode.IsControl) >= 0:
		return Credentials{}, errors.New("a control character, perhaps a newline at the end of the client secret")
	}
	return Credentials{func() copilot.BasicAuth {
		return copilot.BasicAuth{UserName: clientID, Password: clientSecret}
	}}, nil
}
