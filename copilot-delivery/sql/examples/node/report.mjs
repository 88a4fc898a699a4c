// One transaction that writes a row and reports an event about it: both exist, or neither. By node-postgres.
import { randomUUID } from "node:crypto";
import pg from "pg";

async function orderPlaced(client, userId, fails) {
  const event = {
    type: "custom_event",
    event_id: randomUUID(),
    timestamp: Date.now(),
    payload: { subtype: "order_placed", user_id: userId },
  };
  await client.query("BEGIN");
  try {
    await client.query("INSERT INTO orders(user_id) VALUES ($1)", [userId]);
    await client.query("SELECT copilot_report($1)", [JSON.stringify(event)]);
    await client.query("SELECT copilot_set_consent($1, $2)", [userId, true]);
    if (fails) throw new Error("the order could not be placed");
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  }
}

const client = new pg.Client({ connectionString: process.argv[2] });
await client.connect();
await orderPlaced(client, "user-1", false);
await orderPlaced(client, "user-2", true).catch((error) => console.log("rolled back:", error.message));
await client.end();
