-- The telemetry store: what all signals share. Past the log's retention these
-- rows are the record itself, so no start and no replay drops them.
--
-- Level 0 holds what one flush of the log brought for one project; level 1 what
-- compaction made of it. `day` counts days since 1970-01-01, times are those of
-- the items in the signal's own unit (metrics: milliseconds; logs and spans:
-- nanoseconds since 1970). A signal adds its own columns in its own migration.

GRANT USAGE ON SCHEMA telemetry TO srec_read;

CREATE TABLE telemetry.checkpoint (
    projection  text   NOT NULL,
    topic       text   NOT NULL,
    partition   int    NOT NULL,
    generation  bigint NOT NULL,
    log_id      uuid   NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (projection, topic, partition)
);
ALTER TABLE telemetry.checkpoint ENABLE ROW LEVEL SECURITY;
ALTER TABLE telemetry.checkpoint FORCE ROW LEVEL SECURITY;
CREATE POLICY reader ON telemetry.checkpoint FOR SELECT TO srec_read USING (true);
CREATE POLICY writer ON telemetry.checkpoint TO srec_write USING (true) WITH CHECK (true);
GRANT SELECT ON telemetry.checkpoint TO srec_read;

CREATE TABLE telemetry.parked (
    projection  text   NOT NULL,
    topic       text   NOT NULL,
    partition   int    NOT NULL,
    log_offset  bigint NOT NULL,
    key         bytea  NOT NULL,
    tenant_id   uuid,
    project_id  uuid,
    reason      text   NOT NULL,
    appended_at timestamptz NOT NULL,
    headers     bytea  NOT NULL,
    body        bytea  NOT NULL,
    PRIMARY KEY (projection, topic, partition, log_offset)
);

-- Row-level security as in `read`: readers see their tenant's and project's rows.
-- Partitions are reached through their parent only; nobody has rights on them.
CREATE FUNCTION telemetry.protect(wanted regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', wanted);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', wanted);
    EXECUTE format(
        'CREATE POLICY reader ON %s FOR SELECT TO srec_read USING (
             tenant_id = nullif(current_setting(''app.tenant'', true), '''')::uuid
             AND project_id = nullif(current_setting(''app.project'', true), '''')::uuid)', wanted);
    EXECUTE format('CREATE POLICY writer ON %s TO srec_write USING (true) WITH CHECK (true)', wanted);
    EXECUTE format('GRANT SELECT ON %s TO srec_read', wanted);
END $$;

-- One row per flush, project and section of it; ten-minute partitions by `slot`,
-- the arrival of the flush. See projections/src/telemetry/level0.rs.
CREATE TABLE telemetry.metrics_l0 (
    slot        timestamptz NOT NULL,
    tenant_id   uuid   NOT NULL,
    project_id  uuid   NOT NULL,
    partition   int    NOT NULL,
    from_offset bigint NOT NULL,
    section     int    NOT NULL,
    to_offset   bigint NOT NULL,
    day         int    NOT NULL,
    min_time    bigint NOT NULL,
    max_time    bigint NOT NULL,
    items       int    NOT NULL,
    data        bytea  NOT NULL,
    PRIMARY KEY (tenant_id, project_id, partition, from_offset, section, slot)
) PARTITION BY RANGE (slot);
ALTER TABLE telemetry.metrics_l0 ALTER COLUMN data SET STORAGE EXTERNAL;

-- Segments of one project. `from_offset .. to_offset` (exclusive) are the log
-- positions that are in it; where two hold the same item, the lower position wins.
-- `window_start` is the beginning of the hour of its items, in seconds. `tier`
-- grows as segments of a window are merged.
CREATE TABLE telemetry.metrics_l1 (
    day          int      NOT NULL,
    tenant_id    uuid     NOT NULL,
    project_id   uuid     NOT NULL,
    class        smallint NOT NULL,
    window_start bigint   NOT NULL,
    partition    int      NOT NULL,
    from_offset  bigint   NOT NULL,
    to_offset    bigint   NOT NULL,
    part         int      NOT NULL,
    tier         smallint NOT NULL,
    min_time     bigint   NOT NULL,
    max_time     bigint   NOT NULL,
    items        int      NOT NULL,
    data         bytea    NOT NULL,
    PRIMARY KEY (tenant_id, project_id, day, class, window_start, partition, from_offset, to_offset, part)
) PARTITION BY RANGE (day);
ALTER TABLE telemetry.metrics_l1 ALTER COLUMN data SET STORAGE EXTERNAL;

-- What compaction looks at: segments that are not final.
CREATE INDEX metrics_l1_open ON telemetry.metrics_l1
    (tenant_id, project_id, partition, day, window_start) WHERE tier < 3;

CREATE TABLE telemetry.logs_l0 (LIKE telemetry.metrics_l0 INCLUDING ALL) PARTITION BY RANGE (slot);
CREATE TABLE telemetry.spans_l0 (LIKE telemetry.metrics_l0 INCLUDING ALL) PARTITION BY RANGE (slot);
CREATE TABLE telemetry.logs_l1 (LIKE telemetry.metrics_l1 INCLUDING ALL) PARTITION BY RANGE (day);
CREATE TABLE telemetry.spans_l1 (LIKE telemetry.metrics_l1 INCLUDING ALL) PARTITION BY RANGE (day);

-- Days far from now (late or imported items) share one partition.
CREATE TABLE telemetry.metrics_l1_far PARTITION OF telemetry.metrics_l1 DEFAULT;
CREATE TABLE telemetry.logs_l1_far PARTITION OF telemetry.logs_l1 DEFAULT;
CREATE TABLE telemetry.spans_l1_far PARTITION OF telemetry.spans_l1 DEFAULT;

-- Level-0 rows of a project before `next_offset` are no longer read: level 1 has
-- them. Moves in the transaction that writes level 1.
CREATE TABLE telemetry.compacted (
    signal      text   NOT NULL,
    tenant_id   uuid   NOT NULL,
    project_id  uuid   NOT NULL,
    partition   int    NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (tenant_id, project_id, signal, partition)
);

SELECT telemetry.protect(wanted) FROM unnest(ARRAY[
    'telemetry.metrics_l0', 'telemetry.logs_l0', 'telemetry.spans_l0',
    'telemetry.metrics_l1', 'telemetry.logs_l1', 'telemetry.spans_l1',
    'telemetry.compacted']::regclass[]) AS wanted;

-- How long a project's items of a signal are kept, in days; 30 where nothing is said.
CREATE TABLE telemetry.retention (
    signal     text     NOT NULL,
    tenant_id  uuid     NOT NULL,
    project_id uuid     NOT NULL,
    class      smallint NOT NULL,
    PRIMARY KEY (tenant_id, project_id, signal)
);
SELECT telemetry.protect('telemetry.retention');

-- Bodies of the last quarter of an hour, 16 bytes each, to drop repeats after a
-- restart as before it. Not for readers.
CREATE TABLE telemetry.seen_bodies (
    signal      text        NOT NULL,
    partition   int         NOT NULL,
    from_offset bigint      NOT NULL,
    newest      timestamptz NOT NULL,
    hashes      bytea       NOT NULL,
    PRIMARY KEY (signal, partition, from_offset)
);

-- Makes the ten-minute partition that holds `slot`, and the next, where they are
-- missing. The lock keeps them from being dropped before the caller commits.
CREATE FUNCTION telemetry.ensure_slot(level0 text, slot timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    beginning timestamptz;
    name text;
BEGIN
    EXECUTE format('LOCK TABLE ONLY telemetry.%I IN ROW EXCLUSIVE MODE', level0);
    FOREACH beginning IN ARRAY ARRAY[slot, slot + interval '10 minutes'] LOOP
        name := level0 || to_char(beginning AT TIME ZONE 'UTC', '"_"YYYYMMDD"_"HH24MI');
        IF to_regclass(format('telemetry.%I', name)) IS NULL THEN
            EXECUTE format('CREATE TABLE telemetry.%I (LIKE telemetry.%I INCLUDING ALL)', name, level0);
            EXECUTE format('ALTER TABLE telemetry.%I ATTACH PARTITION telemetry.%I FOR VALUES FROM (%L) TO (%L)',
                           level0, name, beginning, beginning + interval '10 minutes');
        END IF;
    END LOOP;
END $$;

-- Makes the partition of one day.
CREATE FUNCTION telemetry.ensure_day(level1 text, day int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    name text := level1 || '_' || day;
BEGIN
    IF to_regclass(format('telemetry.%I', name)) IS NULL THEN
        EXECUTE format('CREATE TABLE telemetry.%I (LIKE telemetry.%I INCLUDING ALL)', name, level1);
        EXECUTE format('ALTER TABLE telemetry.%I ATTACH PARTITION telemetry.%I FOR VALUES FROM (%s) TO (%s)',
                       level1, name, day, day + 1);
    END IF;
END $$;
