-- What is seen of the outbox, and whose it is.

-- The counts, in one reading. It reads the whole table: not for every second.
CREATE VIEW copilot.counts AS
SELECT pending.*, ended.*, dead.*,
    (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM copilot.pending_seq_seq) AS last
FROM
    (SELECT count(*) AS pending, coalesce(sum(octet_length(pending.json)), 0)::bigint AS pending_bytes,
        count(DISTINCT pending.lane) AS lanes, min(pending.reported_at) AS oldest, min(pending.seq) AS first
    FROM copilot.pending) pending,
    (SELECT sum(lane.accepted)::bigint AS accepted, sum(lane.rejected)::bigint AS rejected,
        sum(lane.unattributed)::bigint AS unattributed, sum(lane.expired)::bigint AS expired,
        sum(lane.forgotten)::bigint AS forgotten
    FROM copilot.lane) ended,
    (SELECT count(*) AS dead_letters FROM copilot.dead) dead;

-- The first and the last place, cheaply.
CREATE VIEW copilot.places AS
SELECT (SELECT min(head.seq) FROM copilot.head) AS first,
    (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM copilot.pending_seq_seq) AS last;

-- The oldest transaction that writes, whatever it writes and in whichever database: what was put in since it began waits for it. Its age
-- in milliseconds shows only to who may see the statistics of its user (`pg_read_all_stats`). None, where nobody writes.
CREATE VIEW copilot.held_up AS
SELECT oldest.xid, writer.pid, writer.database, writer.age
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::xid AS xid) oldest
CROSS JOIN LATERAL (
    SELECT locks.pid, activity.datname::text AS database,
        (extract(epoch FROM clock_timestamp() - activity.xact_start) * 1000)::bigint AS age
    FROM pg_locks locks JOIN pg_stat_activity activity USING (pid)
    WHERE locks.locktype = 'transactionid' AND locks.transactionid = oldest.xid AND locks.mode = 'ExclusiveLock' AND locks.granted
    UNION ALL
    SELECT NULL, prepared.database::text, (extract(epoch FROM clock_timestamp() - prepared.prepared) * 1000)::bigint
    FROM pg_prepared_xacts prepared WHERE prepared.transaction = oldest.xid
) writer
LIMIT 1;

-- Makes the outbox that of a client id and an endpoint, if it is nobody's, or if `rebind`. Says whose it is.
CREATE FUNCTION copilot.bind(of_client text, of_endpoint text, rebind boolean) RETURNS copilot.owner
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    bound copilot.owner;
BEGIN
    INSERT INTO copilot.owner(client_id, endpoint) VALUES (of_client, of_endpoint) ON CONFLICT DO NOTHING;
    IF rebind THEN
        UPDATE copilot.owner SET client_id = of_client, endpoint = of_endpoint;
    END IF;
    SELECT * INTO bound FROM copilot.owner;
    RETURN bound;
END
$$;

INSERT INTO copilot.migration(version) VALUES (5);
