-- How long telemetry is kept, by project, signal and stream, and what of it is to go.

-- `stream` is a metric's or a service's name, the beginning of one before a `*`, or
-- empty for the whole signal. Written by projection telemetry_policies.
ALTER TABLE telemetry.retention ADD COLUMN stream text NOT NULL DEFAULT '';
ALTER TABLE telemetry.retention DROP CONSTRAINT retention_pkey;
ALTER TABLE telemetry.retention ADD PRIMARY KEY (tenant_id, project_id, signal, stream);

-- Which rules a segment was divided by; 0 where there were none.
ALTER TABLE telemetry.metrics_l1 ADD COLUMN rules bigint NOT NULL DEFAULT 0;
ALTER TABLE telemetry.logs_l1 ADD COLUMN rules bigint NOT NULL DEFAULT 0;
ALTER TABLE telemetry.spans_l1 ADD COLUMN rules bigint NOT NULL DEFAULT 0;

-- What was asked to be deleted, by projection telemetry_policies; `project_id` null
-- for all projects of the tenant.
CREATE TABLE telemetry.deletions (
    id           uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    project_id   uuid,
    requested_at timestamptz NOT NULL
);
ALTER TABLE telemetry.deletions ENABLE ROW LEVEL SECURITY;
ALTER TABLE telemetry.deletions FORCE ROW LEVEL SECURITY;
CREATE POLICY reader ON telemetry.deletions FOR SELECT TO srec_read USING (
    tenant_id = nullif(current_setting('app.tenant', true), '')::uuid
    AND (project_id IS NULL OR project_id = nullif(current_setting('app.project', true), '')::uuid));
CREATE POLICY writer ON telemetry.deletions TO srec_write USING (true) WITH CHECK (true);
GRANT SELECT ON telemetry.deletions TO srec_read;

-- That it was done, signal by signal: nothing of it before `next_offset` of the
-- partition is folded again, and nothing that was received before it was requested.
CREATE TABLE telemetry.deleted (
    id          uuid   NOT NULL,
    signal      text   NOT NULL,
    partition   int    NOT NULL,
    next_offset bigint NOT NULL,
    tenant_id   uuid   NOT NULL,
    project_id  uuid,
    done_at     timestamptz NOT NULL,
    PRIMARY KEY (id, signal, partition)
);
ALTER TABLE telemetry.deleted ENABLE ROW LEVEL SECURITY;
ALTER TABLE telemetry.deleted FORCE ROW LEVEL SECURITY;
CREATE POLICY reader ON telemetry.deleted FOR SELECT TO srec_read USING (
    tenant_id = nullif(current_setting('app.tenant', true), '')::uuid
    AND (project_id IS NULL OR project_id = nullif(current_setting('app.project', true), '')::uuid));
CREATE POLICY writer ON telemetry.deleted TO srec_write USING (true) WITH CHECK (true);
GRANT SELECT ON telemetry.deleted TO srec_read;
