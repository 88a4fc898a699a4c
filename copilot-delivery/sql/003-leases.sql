-- Taking items out, and saying what became of them.
--
-- These are functions for the sake of their snapshots: in PL/pgSQL each statement sees what was committed before it began. A statement
-- that waited for a lane would still see the items that the one before it has deleted in the meantime.
-- Their plans are made once, maybe while the table is empty, and must still be right for a million rows: so the planner has no choice.

-- The first item of each lane that has any.
CREATE VIEW copilot.head AS
SELECT lane.lane, head.seq, head.kind, head.reported_at,
    coalesce(lane.until <= clock_timestamp(), true) AND coalesce(lane.kept_until <= clock_timestamp(), true) AS is_free,
    head.is_ripe
FROM copilot.lane
CROSS JOIN LATERAL (
    SELECT pending.seq, pending.kind, pending.reported_at,
        -- Every transaction that may still put something before it has ended; or it is a row of another cluster (by dump and restore,
        -- or replicated), whose transaction is one that this cluster has yet to begin.
        pending.xid < pg_snapshot_xmin(pg_current_snapshot())
            OR pending.xid >= pg_snapshot_xmax(pg_current_snapshot()) AS is_ripe
    FROM copilot.pending
    WHERE pending.lane = lane.lane
    ORDER BY pending.seq
    LIMIT 1
) head;

-- An item that was taken out; the last row tells of the lease, and has no item.
CREATE TYPE copilot.leased AS (
    -- The number of the lease; none, where there is none.
    fence bigint,
    -- When it may be worth to ask again, in milliseconds; none: nothing is there.
    later bigint,
    -- Something is there that cannot be read yet.
    held boolean,
    seq bigint,
    forget boolean,
    key bigint,
    lane smallint,
    kind text,
    event_type text,
    event_id text,
    "timestamp" bigint,
    user_id text,
    reported_at bigint,
    json text,
    contract text
);

-- Takes items of one kind out, of these lanes, whole lanes at a time, those first whose head waits longest. `linger` and `lasts` in
-- milliseconds, `clock` in milliseconds since 1970. `strict`: only what every transaction before has ended for.
CREATE FUNCTION copilot.lease(
    wanted text, among smallint[], most_items integer, most_bytes bigint, linger bigint, clock bigint, lasts bigint, strict boolean
) RETURNS SETOF copilot.leased
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET jit = off
AS $$
DECLARE
    free smallint[];
    taken smallint[] := '{}';
    own bigint;
    held boolean;
    oldest bigint;
    waited numeric;
    items bigint := 0;
    bytes bigint := 0;
    of_lane record;
    leased copilot.leased;
BEGIN
    SELECT array_agg(head.lane) FILTER (WHERE head.kind = wanted AND (head.is_ripe OR NOT strict)), bool_or(strict AND NOT head.is_ripe)
    INTO free, held
    FROM copilot.head WHERE head.lane = ANY(among) AND head.is_free;

    -- Whoever leases at the same time is waited for, and not passed by: that takes a moment, and then there may be something left.
    PERFORM FROM copilot.lane WHERE lane.lane = ANY(free) ORDER BY lane.lane FOR UPDATE;

    SELECT min(head.reported_at) INTO oldest
    FROM copilot.head WHERE head.lane = ANY(free) AND head.is_free AND head.kind = wanted AND (head.is_ripe OR NOT strict);
    -- A clock that was set back must hold nothing for as long.
    waited := abs(clock::numeric - oldest);
    IF waited < linger THEN
        SELECT count(*), coalesce(sum(octet_length(waiting.json)), 0) INTO items, bytes
        FROM copilot.head CROSS JOIN LATERAL (
            SELECT pending.json FROM copilot.pending WHERE pending.lane = head.lane ORDER BY pending.seq LIMIT most_items
        ) waiting
        WHERE head.lane = ANY(free) AND head.is_free AND head.kind = wanted AND (head.is_ripe OR NOT strict);
        IF items < most_items AND bytes < most_bytes THEN
            leased.later := linger - waited;
            leased.held := held;
            RETURN NEXT leased;
            RETURN;
        END IF;
        items := 0;
        bytes := 0;
    END IF;

    IF oldest IS NOT NULL THEN
        own := nextval('copilot.fence');
        FOR of_lane IN
            SELECT head.lane FROM copilot.head
            WHERE head.lane = ANY(free) AND head.is_free AND head.kind = wanted AND (head.is_ripe OR NOT strict)
            ORDER BY head.seq
        LOOP
            EXIT WHEN items >= most_items OR bytes >= most_bytes;
            FOR leased IN
                SELECT own, NULL::bigint, strict AND NOT (pending.xid < pg_snapshot_xmin(pg_current_snapshot())
                        OR pending.xid >= pg_snapshot_xmax(pg_current_snapshot())),
                    pending.seq, EXISTS (SELECT FROM copilot.mark WHERE mark.lane = pending.lane AND mark.seq = pending.seq),
                    pending.key, pending.lane, pending.kind, pending.event_type, pending.event_id, pending.timestamp, pending.user_id,
                    pending.reported_at, pending.json, pending.contract
                FROM copilot.pending WHERE pending.lane = of_lane.lane ORDER BY pending.seq LIMIT most_items - items
            LOOP
                held := held OR leased.held;
                -- Nothing is passed over: what cannot be taken ends the lane.
                EXIT WHEN leased.held OR leased.kind <> wanted
                    OR (items > 0 AND bytes + octet_length(leased.json) > most_bytes);
                items := items + 1;
                bytes := bytes + octet_length(leased.json);
                IF of_lane.lane <> ALL(taken) THEN
                    taken := taken || of_lane.lane;
                END IF;
                RETURN NEXT leased;
            END LOOP;
        END LOOP;
        UPDATE copilot.lane SET fence = own, until = clock_timestamp() + lasts * interval '1 millisecond'
        WHERE lane.lane = ANY(taken);
    END IF;

    leased := NULL;
    leased.fence := CASE WHEN items > 0 THEN own END;
    leased.held := held;
    RETURN NEXT leased;
END
$$;

-- Lets a lease hold for so many milliseconds from now on. False, where it is another's by now.
CREATE FUNCTION copilot.extend(own bigint, among smallint[], lasts bigint) RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lanes bigint;
BEGIN
    SELECT count(*) INTO lanes FROM (
        SELECT FROM copilot.lane WHERE lane.lane = ANY(among) AND lane.fence = own AND lane.until IS NOT NULL
        ORDER BY lane.lane FOR UPDATE
    ) ours;
    IF lanes < cardinality(among) THEN
        RETURN false;
    END IF;
    UPDATE copilot.lane SET until = clock_timestamp() + lasts * interval '1 millisecond' WHERE lane.lane = ANY(among);
    RETURN true;
END
$$;

-- Ends a lease. Of each item that goes: its lane and place, what became of it, who refused it and in which words. `since` is the clock,
-- in milliseconds since 1970. Says `settled`; or `before`, where this lease was settled before and nobody has had its lanes since; or
-- `fenced`, where its lanes are another's by now. A lease that has run out and that nobody took is settled like any other.
CREATE FUNCTION copilot.settle(
    own bigint, among smallint[], lanes smallint[], seqs bigint[], outcomes text[], judges text[], words text[], since bigint
) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET jit = off
AS $$
DECLARE
    ours bigint;
    unsettled bigint;
BEGIN
    SELECT count(*) FILTER (WHERE held.fence = own), count(*) FILTER (WHERE held.fence = own AND held.until IS NOT NULL) INTO ours, unsettled
    FROM (SELECT lane.fence, lane.until FROM copilot.lane WHERE lane.lane = ANY(among) ORDER BY lane.lane FOR UPDATE) held;
    IF ours < cardinality(among) THEN
        RETURN 'fenced';
    ELSIF unsettled < cardinality(among) THEN
        RETURN 'before';
    END IF;

    WITH ended AS (
        DELETE FROM copilot.pending
        USING unnest(lanes, seqs, outcomes, judges, words) WITH ORDINALITY AS ending(lane, seq, outcome, judge, words, nr)
        WHERE pending.lane = ending.lane AND pending.seq = ending.seq
        RETURNING pending.*, ending.outcome, ending.judge, ending.words, ending.nr
    ), unmarked AS (
        DELETE FROM copilot.mark USING ended WHERE mark.lane = ended.lane AND mark.seq = ended.seq RETURNING mark.lane, mark.seq
    ), buried AS (
        INSERT INTO copilot.dead(key, lane, kind, event_type, event_id, timestamp, user_id, reported_at, json, contract,
            outcome, judge, words, since)
        SELECT ended.key, ended.lane, ended.kind, ended.event_type, ended.event_id, ended.timestamp, ended.user_id, ended.reported_at,
            ended.json, ended.contract, ended.outcome, ended.judge, ended.words, settle.since
        FROM ended
        WHERE ended.outcome <> 'accepted'
            AND NOT EXISTS (SELECT FROM unmarked WHERE unmarked.lane = ended.lane AND unmarked.seq = ended.seq)
        ORDER BY ended.nr
    )
    UPDATE copilot.lane SET until = NULL,
        accepted = lane.accepted + sums.accepted,
        rejected = lane.rejected + sums.rejected,
        unattributed = lane.unattributed + sums.unattributed,
        expired = lane.expired + sums.expired
    FROM (
        SELECT leased.lane,
            count(*) FILTER (WHERE ended.outcome = 'accepted') AS accepted,
            count(*) FILTER (WHERE ended.outcome = 'rejected') AS rejected,
            count(*) FILTER (WHERE ended.outcome = 'unattributed') AS unattributed,
            count(*) FILTER (WHERE ended.outcome = 'expired') AS expired
        FROM unnest(among) AS leased(lane) LEFT JOIN ended ON ended.lane = leased.lane
        GROUP BY leased.lane
    ) sums
    WHERE lane.lane = sums.lane;
    RETURN 'settled';
END
$$;

INSERT INTO copilot.migration(version) VALUES (3);
