-- What programs of any language call in their own transaction, so that an event exists exactly when what it is about does:
--
--     SELECT copilot_report('{"type": "thing_connected", "event_id": "…", "timestamp": 1795509017875, "payload": {…}}');
--     SELECT copilot_set_consent('user-7', true);
--
-- Nobody may call them at first. Whoever owns the schema says who may, and need grant nothing else but USAGE on the schema public where that
-- was revoked:
--
--     GRANT EXECUTE ON FUNCTION public.copilot_report(json), public.copilot_set_consent(text, boolean) TO app;
--
-- They refuse what can be told cheaply, as SQLSTATE 22023, with the place in the message and as DETAIL, a JSON pointer, and without any
-- value. PostgreSQL itself refuses what is no JSON, and text with a NUL (`\u0000`), which it cannot read. The courier holds the whole event against the contract, and what breaks it goes to the dead letter.

-- What the contract says of each type of event: `contract.sql` fills it.
CREATE TABLE copilot.event_type(
    name text PRIMARY KEY,
    -- The properties of the payload that must be there.
    required text[] NOT NULL,
    -- Those that are strings of a type of their own, ids above all: not empty.
    texts text[] NOT NULL,
    -- Those that say whose order it keeps: the first of them that is there does. Without any it has no place among others.
    order_keys text[] NOT NULL
);

-- What it says of all of them: one row.
CREATE TABLE copilot.contract(
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version text NOT NULL,
    -- The greatest length of an event's id, in characters.
    event_id_length integer NOT NULL,
    -- The greatest number of properties in a payload, those of objects inside it included.
    properties integer NOT NULL
);

-- The hash of lanes multiplies words of 64 bits, which a bigint would refuse: by halves, of which no product is too large.
-- The factor is 0x9e3779b97f4a7c15; its upper half is less 2^32, which is the same to the upper half of the product.
CREATE FUNCTION copilot.times_factor(word bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ((((word & 4294967295) * 2135587861) >> 32)
        + (((word >> 32) & 4294967295) * 2135587861 & 4294967295)
        + ((word & 4294967295) * -1640531527 & 4294967295)) << 32
    | ((word & 4294967295) * 2135587861 & 4294967295);

-- The lane of an id: that which every engine gives it.
CREATE FUNCTION copilot.lane_of(order_key text) RETURNS smallint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key bytea := convert_to(order_key, 'UTF8');
    hash bigint := octet_length(key);
BEGIN
    -- By words of eight bytes, the lowest first; the last one is filled up with zeros.
    -- Not as '\x…': callers choose what a backslash in a literal means (`standard_conforming_strings`).
    key := key || decode('00000000000000', 'hex');
    FOR at IN 0 .. hash - 1 BY 8 LOOP
        hash := copilot.times_factor(hash # (
            get_byte(key, at::integer)::bigint
            | (get_byte(key, at::integer + 1)::bigint << 8)
            | (get_byte(key, at::integer + 2)::bigint << 16)
            | (get_byte(key, at::integer + 3)::bigint << 24)
            | (get_byte(key, at::integer + 4)::bigint << 32)
            | (get_byte(key, at::integer + 5)::bigint << 40)
            | (get_byte(key, at::integer + 6)::bigint << 48)
            | (get_byte(key, at::integer + 7)::bigint << 56)));
        hash := hash # ((hash >> 32) & 4294967295);
    END LOOP;
    RETURN (copilot.times_factor(hash) >> 59) & 31;
END
$$;

CREATE FUNCTION copilot.refuse(caller text, place text, why text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('%s: %s %s', caller, coalesce(nullif(place, ''), 'an event'), why), DETAIL = place;
END
$$;

-- Puts an event in, at the end of its lane.
CREATE FUNCTION public.copilot_report(reported json) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, copilot, pg_temp
AS $$
DECLARE
    me CONSTANT text := 'copilot_report';
    rules copilot.contract;
    of_type copilot.event_type;
    payload json;
    name text;
    order_key text;
    twice text;
    properties bigint;
BEGIN
    IF reported IS NULL OR json_typeof(reported) <> 'object' THEN
        PERFORM copilot.refuse(me, '', 'is an object');
    END IF;
    SELECT * INTO STRICT rules FROM copilot.contract;

    -- Of a name that stands twice every reader takes another one, and json_each gives both. Members are told apart by a hash of where they
    -- are: the places themselves, of long names with many members, would be far longer than the event.
    WITH RECURSIVE member(place, hash, value, is_property) AS (
        SELECT '', ''::bytea, reported, false
        UNION ALL
        SELECT left(member.place || '/' || child.name, 200), sha256(member.hash || convert_to('/' || child.name, 'UTF8')), child.value, child.is_property
        FROM member CROSS JOIN LATERAL (
            SELECT replace(replace(pair.key, '~', '~0'), '/', '~1') AS name, pair.value, true AS is_property
            FROM json_each(CASE json_typeof(member.value) WHEN 'object' THEN member.value ELSE '{}' END) pair
            UNION ALL
            SELECT (item.nr - 1)::text, item.value, false
            FROM json_array_elements(CASE json_typeof(member.value) WHEN 'array' THEN member.value ELSE '[]' END)
                WITH ORDINALITY item(value, nr)
        ) child
    ), places AS (
        SELECT min(member.place) AS place, count(*) AS times, count(*) FILTER (WHERE member.is_property) AS properties
        FROM member GROUP BY member.hash
    )
    SELECT min(places.place) FILTER (WHERE places.times > 1), sum(places.properties) FILTER (WHERE starts_with(places.place, '/payload/'))
    INTO twice, properties FROM places;
    IF twice IS NOT NULL THEN
        PERFORM copilot.refuse(me, twice, 'stands twice');
    END IF;

    IF coalesce(json_typeof(reported -> 'type'), '') <> 'string' THEN
        PERFORM copilot.refuse(me, '/type', 'must be there, and a string');
    END IF;
    SELECT * INTO of_type FROM copilot.event_type WHERE event_type.name = reported ->> 'type';
    IF NOT FOUND THEN
        PERFORM copilot.refuse(me, '/type', 'is no type of event that the contract knows');
    END IF;
    IF coalesce(json_typeof(reported -> 'event_id'), '') <> 'string'
        OR char_length(reported ->> 'event_id') NOT BETWEEN 1 AND rules.event_id_length
    THEN
        PERFORM copilot.refuse(me, '/event_id', format('must be there, and a string of 1 to %s characters', rules.event_id_length));
    END IF;
    IF coalesce(json_typeof(reported -> 'timestamp'), '') <> 'number' OR reported ->> 'timestamp' !~ '^-?[0-9]{1,18}$' THEN
        PERFORM copilot.refuse(me, '/timestamp', 'must be there, and whole milliseconds since 1970');
    END IF;
    payload := reported -> 'payload';
    IF coalesce(json_typeof(payload), '') <> 'object' THEN
        PERFORM copilot.refuse(me, '/payload', 'must be there, and an object');
    END IF;
    IF properties > rules.properties THEN
        PERFORM copilot.refuse(me, '/payload', format('has more than %s properties', rules.properties));
    END IF;
    FOREACH name IN ARRAY of_type.required LOOP
        IF payload -> name IS NULL THEN
            PERFORM copilot.refuse(me, '/payload/' || name, 'must be there');
        END IF;
    END LOOP;
    FOREACH name IN ARRAY of_type.texts LOOP
        IF payload -> name IS NOT NULL AND (json_typeof(payload -> name) <> 'string' OR payload ->> name = '') THEN
            PERFORM copilot.refuse(me, '/payload/' || name, 'must be a string that is not empty');
        END IF;
    END LOOP;

    IF of_type.order_keys = '{}' THEN
        PERFORM copilot.refuse(me, '/type', 'opens or closes the one-time synchronization, and is sent apart from all others, by a client');
    END IF;
    FOREACH name IN ARRAY of_type.order_keys LOOP
        order_key := coalesce(order_key, payload ->> name);
    END LOOP;
    IF order_key IS NULL THEN
        PERFORM copilot.refuse(me, '/payload', 'names none of ' || array_to_string(of_type.order_keys, ', '));
    END IF;

    INSERT INTO copilot.pending(key, lane, kind, event_type, event_id, timestamp, user_id, reported_at, json, contract)
    VALUES (0, copilot.lane_of(order_key), 'event', of_type.name, reported ->> 'event_id', (reported ->> 'timestamp')::bigint,
        CASE WHEN 'user_id' = ANY(of_type.texts) THEN payload ->> 'user_id' END,
        floor(extract(epoch FROM clock_timestamp()) * 1000), reported::text, '');
END
$$;
REVOKE ALL ON FUNCTION public.copilot_report(json) FROM PUBLIC;

INSERT INTO copilot.migration(version) VALUES (2);
