// One transaction that writes a row and reports an event about it: both exist, or neither. By lib/pq.
package main

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	_ "github.com/lib/pq"
)

func orderPlaced(db *sql.DB, userID string, fails bool) error {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return err
	}
	event, err := json.Marshal(map[string]interface{}{
		"type":      "custom_event",
		"event_id":  hex.EncodeToString(id),
		"timestamp": time.Now().UnixNano() / 1e6,
		"payload":   map[string]interface{}{"subtype": "order_placed", "user_id": userID},
	})
	if err != nil {
		return err
	}
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // does nothing after a commit
	if _, err := tx.Exec("INSERT INTO orders(user_id) VALUES ($1)", userID); err != nil {
		return err
	}
	if _, err := tx.Exec("SELECT copilot_report($1)", string(event)); err != nil {
		return err
	}
	if _, err := tx.Exec("SELECT copilot_set_consent($1, $2)", userID, true); err != nil {
		return err
	}
	if fails {
		return errors.New("the order could not be placed")
	}
	return tx.Commit()
}

func main() {
	db, err := sql.Open("postgres", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	if err := orderPlaced(db, "user-1", false); err != nil {
		log.Fatal(err)
	}
	fmt.Println("rolled back:", orderPlaced(db, "user-2", true))
}
