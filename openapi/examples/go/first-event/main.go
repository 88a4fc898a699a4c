// Sends one event and one consent, and prints what became of them. It reports a made-up user: use a test environment.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"example.com/copilot/client"
	copilot "example.com/copilot/generated"
)

func main() {
	credentials, err := client.NewCredentials(variable("COPILOT_CLIENT_ID"), variable("COPILOT_CLIENT_SECRET"))
	check(err)
	api, err := client.New(credentials,
		variable("COPILOT_CLIENT_COLLECT_ENDPOINT"), variable("COPILOT_CLIENT_CONSENT_ENDPOINT"), nil)
	check(err)

	const userID = "7d1f0c8e-55b2-4b8c-9a53-0f6f2f1f7a10"
	now := time.Now().UnixMilli()
	payload := copilot.NewUserCreatedPayload(userID)
	payload.SetEmail("zoe@example.com")
	payload.SetUtcOffset("+0100")
	payload.SetCustomProperties(map[string]interface{}{"devices": 2})
	event := copilot.NewUserCreatedEvent("user_created", fmt.Sprintf("signup-%d", now), now, *payload)

	answer, err := api.Collect(context.Background(), []copilot.Event{copilot.UserCreatedEventAsEvent(event)})
	check(err)
	for _, refused := range answer.InvalidEvents {
		check(fmt.Errorf("refused: event %s: %s", refused.GetEventId(), refused.GetError()))
	}
	fmt.Println("taken: 1 event")

	check(api.SetConsent(context.Background(), *copilot.NewConsentChange(userID, true)))
	fmt.Println("recorded: the consent")
}

func variable(name string) string {
	value := os.Getenv(name)
	if value == "" {
		check(fmt.Errorf("the environment variable %s is not set", name))
	}
	return value
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
