// This must not compile: the field is misspelt. It stands in testdata, which `./...` leaves out.
package main

import copilot "example.com/copilot/generated"

func main() {
	offset := "+0100"
	_ = copilot.UserCreatedPayload{UserId: "u", UtcOffest: &offset} // utc_offest
}
