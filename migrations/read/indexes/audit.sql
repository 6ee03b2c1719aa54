CREATE INDEX IF NOT EXISTS audit_times ON audit (tenant_id, at);
-- What the list filters by, in its order.
CREATE INDEX IF NOT EXISTS audit_actor ON audit (tenant_id, actor, seq DESC);
CREATE INDEX IF NOT EXISTS audit_action ON audit (tenant_id, action, seq DESC);
CREATE INDEX IF NOT EXISTS audit_kind ON audit (tenant_id, kind, seq DESC);
CREATE INDEX IF NOT EXISTS audit_refused ON audit (tenant_id, seq DESC) WHERE rule IS NOT NULL;
