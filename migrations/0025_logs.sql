-- Logs: what level 1 holds besides the common columns, and the counts that
-- dashboards ask all day.

-- `directory` repeats the beginning of `data`, so that a query can fetch single
-- columns of it. The `bloom_bytes` from `bloom_at` on tell which words are surely
-- not in the segment; 0 where there is no such filter. `levels` has a bit for each.
ALTER TABLE telemetry.logs_l1
    ADD COLUMN directory   bytea    NOT NULL,
    ADD COLUMN levels      smallint NOT NULL,
    ADD COLUMN services    text[]   NOT NULL,
    ADD COLUMN bloom_at    int      NOT NULL,
    ADD COLUMN bloom_bytes int      NOT NULL;

-- Records by service, level (its number in segments) and minute of their own time,
-- in minutes since 1970; late ones too.
CREATE TABLE telemetry.log_counts (
    tenant_id  uuid     NOT NULL,
    project_id uuid     NOT NULL,
    minute     int      NOT NULL,
    service    text     NOT NULL,
    level      smallint NOT NULL,
    count      bigint   NOT NULL,
    PRIMARY KEY (tenant_id, project_id, minute, service, level)
);
SELECT telemetry.protect('telemetry.log_counts');
