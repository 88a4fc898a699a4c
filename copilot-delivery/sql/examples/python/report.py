"""One transaction that writes a row and reports an event about it: both exist, or neither. By psycopg2, from Debian or PyPI."""

import json
import sys
import time
import uuid

import psycopg2


def order_placed(connection, user_id, fails):
    event = {
        "type": "custom_event",
        "event_id": str(uuid.uuid4()),
        "timestamp": time.time_ns() // 1_000_000,
        "payload": {"subtype": "order_placed", "user_id": user_id},
    }
    with connection, connection.cursor() as cursor:  # commits, and rolls back if something is raised
        cursor.execute("INSERT INTO orders(user_id) VALUES (%s)", (user_id,))
        cursor.execute("SELECT copilot_report(%s)", (json.dumps(event),))
        cursor.execute("SELECT copilot_set_consent(%s, %s)", (user_id, True))
        if fails:
            raise RuntimeError("the order could not be placed")


connection = psycopg2.connect(sys.argv[1])
order_placed(connection, "user-1", fails=False)
try:
    order_placed(connection, "user-2", fails=True)
except RuntimeError as error:
    print("rolled back:", error)
