#!/usr/bin/env bash
# A real Prometheus and Alertmanager, watching a service that is down, against
# a platform that is running (`make run` in another terminal). Ctrl-C ends it.
#
# SRE_COPILOT_URL      where the platform answers (default http://localhost:8580)
# SRE_COPILOT_API_KEY  a key with scope ingest; without one a demo account is
#                      registered, whose password is kept for the next time
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

url=${SRE_COPILOT_URL:-http://localhost:8580}
curl -fsS -o /dev/null --max-time 5 "$url/readyz" 2>/dev/null || die "nothing is ready at $url: start 'make run' first"
eval "$("$root/scripts/peers.sh" prometheus alertmanager)"
: "${SRE_COPILOT_TEST_PROMETHEUS:?the demo needs the package prometheus}"
: "${SRE_COPILOT_TEST_ALERTMANAGER:?the demo needs the package prometheus-alertmanager}"

account=$cache/demo/account
field() { sed -n "s/.*\"$1\":[[:space:]]*\"\([^\"]*\)\".*/\1/p"; }

# post PATH BODY [HEADER]: prints the answer, fails on any but a 2xx.
post() {
  curl -sS --fail --max-time 15 -X POST -H 'Content-Type: application/json' ${3:+-H "$3"} --data "$2" "$url/api/v1$1"
}

# One account per machine: registered the first time, logged into afterwards.
session() {
  local email password
  if [ -r "$account" ]; then
    read -r email password <"$account"
    post /auth/login "{\"email\":\"$email\",\"password\":\"$password\"}" 2>/dev/null && return
  fi
  email=demo-$RANDOM$RANDOM@example.com
  password=$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')
  post /auth/register "{\"email\":\"$email\",\"password\":\"$password\",\"name\":\"Demo\",\"tenant_name\":\"Demo\"}" ||
    return
  mkdir -p "$(dirname "$account")"
  (umask 077 && echo "$email $password" >"$account")
}

new_key() {
  local token
  token=$(session | field access_token)
  [ -n "$token" ] || die "no demo account could be made at $url: pass SRE_COPILOT_API_KEY"
  post /api-keys '{"name":"demo Alertmanager","scopes":["ingest"]}' "Authorization: Bearer $token" | field key
}

key=${SRE_COPILOT_API_KEY:-$(new_key)}
[ -n "$key" ] || die "no API key could be made at $url"
dir=$(mktemp -d)
prometheus_port=$(free_port)
alertmanager_port=$(free_port)

cat >"$dir/alertmanager.yml" <<YAML
route:
  receiver: sre-copilot
  group_by: [alertname, job]
  group_wait: 1s
  group_interval: 5s
receivers:
  - name: sre-copilot
    webhook_configs:
      - url: $url/api/v1/webhooks/alertmanager
        send_resolved: true
        http_config:
          authorization: {type: Bearer, credentials: $key}
YAML
cat >"$dir/rules.yml" <<'YAML'
groups:
  - name: demo
    rules:
      - alert: CheckoutDown
        expr: up{job="checkout"} == 0
        labels: {severity: critical}
        annotations:
          summary: Checkout does not answer
          description: 'Nothing listens at {{ $labels.instance }}.'
YAML
# The service that is down: port 1 answers nobody.
cat >"$dir/prometheus.yml" <<YAML
global: {scrape_interval: 2s, evaluation_interval: 2s}
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{targets: ['127.0.0.1:$alertmanager_port']}]
scrape_configs:
  - job_name: checkout
    static_configs: [{targets: ['127.0.0.1:1']}]
  - job_name: prometheus
    static_configs: [{targets: ['127.0.0.1:$prometheus_port']}]
remote_write:
  - url: $url/api/v1/write
    authorization: {type: Bearer, credentials: $key}
YAML

"$SRE_COPILOT_TEST_ALERTMANAGER" --config.file="$dir/alertmanager.yml" --storage.path="$dir/alertmanager" \
  --web.listen-address="127.0.0.1:$alertmanager_port" --cluster.listen-address= >"$dir/alertmanager.log" 2>&1 &
alertmanager=$!
"$SRE_COPILOT_TEST_PROMETHEUS" --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/prometheus" \
  --web.listen-address="127.0.0.1:$prometheus_port" >"$dir/prometheus.log" 2>&1 &
prometheus=$!
# Called by the trap; a second signal must not interrupt it.
# shellcheck disable=SC2317
clean_up() {
  trap '' INT TERM
  kill "$alertmanager" "$prometheus" 2>/dev/null || true
  wait
  rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

cat <<STEPS

  Prometheus    http://127.0.0.1:$prometheus_port/alerts
  Alertmanager  http://127.0.0.1:$alertmanager_port
  Incident      $url   (CheckoutDown, within seconds)
  Metrics       what this Prometheus sees, by remote write (try: up)
STEPS
[ ! -r "$account" ] || [ -n "${SRE_COPILOT_API_KEY:-}" ] ||
  echo "  Log in as     $(sed 's/ /  with password  /' "$account")"
printf '\n  Ctrl-C ends the demo.\n'

# One of the two ending on its own is a failure that must be seen.
wait -n "$alertmanager" "$prometheus" || true
tail -n 5 "$dir"/*.log
die "Prometheus or Alertmanager ended"
