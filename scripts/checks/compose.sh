#!/usr/bin/env bash
# docker-compose.kafka.yml parses, and only what may be reached from outside is.
# That its commands and variables exist in the binary is a test of `server`.
set -euo pipefail
cd "$(dirname "$0")/../.."

python=/usr/bin/python3
if ! "$python" -c 'import yaml' 2>/dev/null; then
  echo "SKIPPED compose: the package python3-yaml cannot be had here" >&2
  exit 0
fi
"$python" - <<'PYTHON'
import yaml

compose = yaml.safe_load(open("docker-compose.kafka.yml"))
services, networks, volumes = (compose[k] for k in ("services", "networks", "volumes"))
roles = {"gateway", "ingest", "commands", "projections", "workers"}

assert set(services) == roles | {"kafka", "postgres", "redis"}, set(services)
assert set(networks) == {"frontend-network", "backend-network"}, set(networks)
published = {name: s["ports"] for name, s in services.items() if "ports" in s}
assert published == {"gateway": ["8580:8500", "8505:8505", "4317:4317"]}, published

for name, service in services.items():
    assert "healthcheck" in service, f"{name} has no healthcheck"
    assert set(service["networks"]) <= set(networks), name
    assert ("frontend-network" in service["networks"]) == (name == "gateway"), name
    assert set(service.get("depends_on", {})) <= set(services), name
    for mount in service.get("volumes", []):
        assert mount.split(":")[0] in volumes, f"{name}: {mount}"
for role in roles:
    assert services[role]["command"] == [role], role
    assert services[role]["image"] == services["gateway"]["image"], role
    environment = services[role]["environment"]
    assert {"DATABASE_URL", "KAFKA_BROKERS", "REDIS_URL"} <= set(environment), role
PYTHON
