CREATE INDEX IF NOT EXISTS alerts_by_status ON alerts
    (tenant_id, project_id, status, received_at DESC, id DESC);
