-- Which version the segments of an hour of logs have, for who keeps a list of them:
-- whatever changes one of them draws a new version in the same transaction, by lot, so
-- that none comes back. A partition of its own for each, because its compactions take
-- turns. An hour without segments may be here.
CREATE TABLE telemetry.log_hours (
    tenant_id    uuid   NOT NULL,
    project_id   uuid   NOT NULL,
    partition    int    NOT NULL,
    window_start bigint NOT NULL,
    version      uuid   NOT NULL,
    -- Who drew it: one transaction draws once.
    drawn_in     xid8   NOT NULL,
    PRIMARY KEY (tenant_id, project_id, window_start, partition)
);
SELECT telemetry.protect('telemetry.log_hours');

-- What the data of a segment hashes to: under this name a process keeps its filter,
-- whoever wrote it. NULL in segments from before.
ALTER TABLE telemetry.logs_l1 ADD COLUMN content uuid;

CREATE FUNCTION telemetry.draw_log_hour() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        -- An hour that nobody knows has no list that anybody could keep.
        UPDATE telemetry.log_hours
        SET version = gen_random_uuid(), drawn_in = pg_current_xact_id()
        WHERE tenant_id = OLD.tenant_id AND project_id = OLD.project_id
          AND window_start = OLD.window_start AND partition = OLD.partition
          AND drawn_in <> pg_current_xact_id();
    ELSE
        INSERT INTO telemetry.log_hours AS known
        VALUES (NEW.tenant_id, NEW.project_id, NEW.partition, NEW.window_start,
                gen_random_uuid(), pg_current_xact_id())
        ON CONFLICT (tenant_id, project_id, window_start, partition) DO UPDATE
        SET version = excluded.version, drawn_in = excluded.drawn_in
        WHERE known.drawn_in <> excluded.drawn_in;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER draw_log_hour AFTER INSERT OR UPDATE OR DELETE ON telemetry.logs_l1
    FOR EACH ROW EXECUTE FUNCTION telemetry.draw_log_hour();

INSERT INTO telemetry.log_hours
SELECT tenant_id, project_id, partition, window_start, gen_random_uuid(), pg_current_xact_id()
FROM (SELECT DISTINCT tenant_id, project_id, partition, window_start FROM telemetry.logs_l1) AS hours;
