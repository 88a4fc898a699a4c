-- What is removed without being sent: by its user, by its age, by its size.

-- Pending items that were removed, one entry of each list for each.
CREATE TYPE copilot.removed AS (
    -- Nothing was done: items are on their way, or there is more to remove.
    again boolean,
    keys bigint[],
    event_ids text[],
    event_types text[],
    bytes bigint,
    dead_letters bigint,
    -- Items that are still sent, and then removed.
    still_sent bigint
);

-- Removes what is there of a user, but for events of the type `deletion` and the newest change of consent, which are marked. Where items
-- of the lane are on their way it does nothing, keeps everybody else from leasing the lane for `keep` milliseconds, and says `again`.
CREATE FUNCTION copilot.forget(of_lane smallint, of_user text, deletion text, keep bigint) RETURNS copilot.removed
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone copilot.removed;
    on_their_way boolean;
BEGIN
    SELECT coalesce(lane.until > clock_timestamp(), false) INTO on_their_way
    FROM copilot.lane WHERE lane.lane = of_lane FOR UPDATE;
    IF on_their_way THEN
        UPDATE copilot.lane SET kept_until = clock_timestamp() + keep * interval '1 millisecond' WHERE lane.lane = of_lane;
        gone.again := true;
        RETURN gone;
    END IF;

    DELETE FROM copilot.mark USING copilot.pending
    WHERE mark.lane = of_lane AND pending.lane = of_lane AND pending.seq = mark.seq AND pending.user_id = of_user;
    INSERT INTO copilot.mark(lane, seq)
    SELECT pending.lane, pending.seq FROM copilot.pending
    WHERE pending.lane = of_lane AND pending.user_id = of_user AND (pending.event_type = deletion OR pending.seq = (
        SELECT max(newest.seq) FROM copilot.pending newest
        WHERE newest.lane = of_lane AND newest.user_id = of_user AND newest.kind = 'consent'
    ));
    GET DIAGNOSTICS gone.still_sent = ROW_COUNT;
    WITH deleted AS (
        DELETE FROM copilot.pending
        WHERE pending.lane = of_lane AND pending.user_id = of_user
            AND NOT EXISTS (SELECT FROM copilot.mark WHERE mark.lane = pending.lane AND mark.seq = pending.seq)
        RETURNING pending.seq, pending.key, pending.event_id, pending.event_type, octet_length(pending.json) AS bytes
    )
    SELECT coalesce(array_agg(deleted.key ORDER BY deleted.seq), '{}'), coalesce(array_agg(deleted.event_id ORDER BY deleted.seq), '{}'),
        coalesce(array_agg(deleted.event_type ORDER BY deleted.seq), '{}'), coalesce(sum(deleted.bytes), 0)
    INTO gone.keys, gone.event_ids, gone.event_types, gone.bytes
    FROM deleted;
    DELETE FROM copilot.dead WHERE dead.user_id = of_user;
    GET DIAGNOSTICS gone.dead_letters = ROW_COUNT;
    -- A lease that had run out is over.
    UPDATE copilot.lane SET fence = nextval('copilot.fence'), until = NULL, kept_until = NULL,
        forgotten = lane.forgotten + cardinality(gone.keys)
    WHERE lane.lane = of_lane;
    gone.again := false;
    RETURN gone;
END
$$;

-- Removes dead letters from before `dead_before` and events that were taken before `before`, both in milliseconds since 1970; then, where
-- all is more than `most_bytes`, the oldest, dead letters first. Never a change of consent, nor what is on its way or marked. At most
-- `most` of each; says `again` where there may be more. None: that is no limit.
CREATE FUNCTION copilot.retain(dead_before bigint, before bigint, most_bytes bigint, most integer) RETURNS copilot.removed
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    gone copilot.removed;
    surplus bigint;
    letters bigint[];
    lanes smallint[];
    seqs bigint[];
BEGIN
    IF most_bytes IS NOT NULL THEN
        SELECT (SELECT coalesce(sum(octet_length(pending.json)), 0) FROM copilot.pending)
            + (SELECT coalesce(sum(octet_length(dead.json)), 0) FROM copilot.dead) - most_bytes INTO surplus;
    END IF;
    letters := ARRAY(
        SELECT oldest.id FROM (
            SELECT dead.id, dead.since, sum(octet_length(dead.json)) OVER (ORDER BY dead.id) - octet_length(dead.json) AS bytes_before
            FROM copilot.dead
        ) oldest
        WHERE oldest.since < dead_before OR oldest.bytes_before < surplus
        ORDER BY oldest.id LIMIT most
    );
    WITH deleted AS (
        DELETE FROM copilot.dead WHERE dead.id = ANY(letters) RETURNING octet_length(dead.json) AS bytes
    )
    SELECT count(*), surplus - coalesce(sum(deleted.bytes), 0) INTO gone.dead_letters, surplus FROM deleted;
    IF gone.dead_letters = most THEN
        -- The rest of them comes before any event.
        gone.again := true;
        RETURN gone;
    END IF;

    SELECT array_agg(oldest.lane), array_agg(oldest.seq) INTO lanes, seqs FROM (
        SELECT events.lane, events.seq FROM (
            SELECT pending.lane, pending.seq, pending.reported_at,
                sum(octet_length(pending.json)) OVER (ORDER BY pending.seq) - octet_length(pending.json) AS bytes_before
            FROM copilot.pending JOIN copilot.lane USING (lane)
            WHERE pending.kind = 'event' AND coalesce(lane.until <= clock_timestamp(), true)
                AND NOT EXISTS (SELECT FROM copilot.mark WHERE mark.lane = pending.lane AND mark.seq = pending.seq)
        ) events
        WHERE events.reported_at < before OR events.bytes_before < surplus
        ORDER BY events.seq LIMIT most
    ) oldest;
    -- Only where there is something, so that nobody waits in vain.
    IF lanes IS NOT NULL THEN
        lanes := ARRAY(SELECT lane.lane FROM copilot.lane WHERE lane.lane = ANY(lanes)
            AND coalesce(lane.until <= clock_timestamp(), true) ORDER BY lane.lane FOR UPDATE);
        WITH deleted AS (
            DELETE FROM copilot.pending WHERE pending.lane = ANY(lanes) AND pending.seq = ANY(seqs)
                -- Somebody may have forgotten its user meanwhile.
                AND NOT EXISTS (SELECT FROM copilot.mark WHERE mark.lane = pending.lane AND mark.seq = pending.seq)
            RETURNING pending.lane, pending.seq, pending.key, pending.event_id, pending.event_type, octet_length(pending.json) AS bytes
        ), counted AS (
            UPDATE copilot.lane SET expired = lane.expired + sums.expired
            FROM (SELECT deleted.lane, count(*) AS expired FROM deleted GROUP BY deleted.lane) sums
            WHERE lane.lane = sums.lane
        )
        SELECT array_agg(deleted.key ORDER BY deleted.seq), array_agg(deleted.event_id ORDER BY deleted.seq),
            array_agg(deleted.event_type ORDER BY deleted.seq), sum(deleted.bytes)
        INTO gone.keys, gone.event_ids, gone.event_types, gone.bytes
        FROM deleted;
    END IF;
    gone.again := coalesce(cardinality(gone.keys) = most, false);
    RETURN gone;
END
$$;

INSERT INTO copilot.migration(version) VALUES (4);
