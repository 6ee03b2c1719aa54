#!/usr/bin/env bash
# Finds the real servers that tests and the demo talk to, fetching what is
# missing into the cache, and prints `export NAME=path` lines for the shell.
# A peer that cannot be had is named on stderr and its variable stays unset;
# the tests that need it are then skipped by name.
# Usage: eval "$(scripts/peers.sh [PEER...])", all peers when none is named.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

export_path() { printf 'export SRE_COPILOT_TEST_%s=%q\n' "$1" "$2"; }

# A path given by the user, the machine's own command, the cached one, or none.
find_command() {
  local variable=SRE_COPILOT_TEST_$1 command=$2
  if [ -n "${!variable:-}" ]; then echo "${!variable}"; return; fi
  PATH=$PATH:/usr/sbin:$cache/debs/bin command -v "$command"
}

# peer VARIABLE COMMAND PACKAGE
peer() {
  local path
  path=$(find_command "$1" "$2") ||
    { "$root/scripts/debs.sh" "$3" && path=$(find_command "$1" "$2"); } ||
    { say "$2: not here and not to be had from apt"; return; }
  export_path "$1" "$path"
}

chromium_peer() {
  local path
  path=$(find_command CHROMIUM chromium || find_command CHROMIUM google-chrome || true)
  # Ubuntu's package is a pointer to a snap, which does not run in containers.
  if [ -n "$path" ] && "$path" --version >/dev/null 2>&1; then export_path CHROMIUM "$path"
  else say "chromium: not installed"; fi
}

postgres_peer() {
  local path
  path=${SRE_COPILOT_TEST_PG_BIN:-$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -1)}
  [ -x "$path/initdb" ] || path=$(dirname "$(readlink -f "$(command -v initdb || echo /none)")")
  if [ -x "$path/initdb" ]; then export_path PG_BIN "$path"
  else say "postgres: not installed"; fi
}

# A library to preload, not a command.
find_eatmydata() { compgen -G "$1/usr/lib/*/libeatmydata.so" | head -1 | grep .; }

eatmydata_peer() {
  local path=${SRE_COPILOT_TEST_EATMYDATA:-}
  [ -n "$path" ] || path=$(find_eatmydata "" || find_eatmydata "$cache/debs/root") ||
    { "$root/scripts/debs.sh" libeatmydata1 && path=$(find_eatmydata "$cache/debs/root"); } ||
    { say "libeatmydata: not here and not to be had from apt"; return; }
  export_path EATMYDATA "$path"
}

kafka_peer() {
  local path
  if path=$("$root/scripts/kafka-libs.sh"); then export_path KAFKA_DIR "$path"
  else say "kafka: not to be had here"; fi
}

keycloak_peer() {
  local path
  if path=$("$root/scripts/keycloak.sh"); then export_path KEYCLOAK "$path"
  else say "keycloak: not to be had here"; fi
}

# From source by the Go proxy, which has no programs: victoria-logs is in no Debian.
victoria_logs_peer() {
  local path version=v1.52.2
  path=$(find_command VICTORIA_LOGS victoria-logs || compgen -G "$cache/go/bin/victoria-logs" || true)
  if [ -z "$path" ] && has go; then
    say "building victoria-logs $version"
    GOBIN=$cache/go/bin GOFLAGS='' go install \
      "github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs@$version" >&2 &&
      path=$cache/go/bin/victoria-logs
  fi
  if [ -n "$path" ]; then export_path VICTORIA_LOGS "$path"
  else say "victoria-logs: not here and not to be built"; fi
}

# go_program NAME VARIABLE MODULE VERSION [MODULE@VERSION | -replace=OLD=NEW]...
# A program from its Go module, in a module of its own: `go install` refuses those whose
# go.mod has replacements. It takes minutes, so that only `make prove` does it; a cached
# one is used.
go_program() {
  local name=$1 variable=$2 module=$3 version=$4 path work more edits=() others=()
  path=$(find_command "$variable" "$name" || compgen -G "$cache/go/bin/$name" || true)
  if [ -z "$path" ] && [ -n "${SRE_COPILOT_PROVE:-}" ] && has go; then
    say "building $name"
    for more in "${@:5}"; do
      case $more in -*) edits+=("$more") ;; *) others+=("$more") ;; esac
    done
    work=$(mktemp -d)
    (cd "$work" && go mod init peers && go mod edit -module=peers "${edits[@]}" &&
      env GOFLAGS=-mod=mod go get "$module@$version" "${others[@]}" &&
      env GOFLAGS=-mod=mod go build -o "$cache/go/bin/$name" "$module") >&2 &&
      path=$cache/go/bin/$name
    rm -rf "$work"
  fi
  if [ -n "$path" ]; then export_path "$variable" "$path"
  else say "$name: not here; make prove builds it"; fi
}

telemetrygen_peer() {
  go_program telemetrygen TELEMETRYGEN \
    github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen v0.161.0
}

# Loki's own client. Of v1.6.1 and no later: from v2.0 on Loki is under the AGPL.
logcli_peer() {
  go_program logcli LOGCLI github.com/grafana/loki/cmd/logcli v1.6.1 \
    golang.org/x/sys@v0.50.0 github.com/modern-go/reflect2@v1.0.2 \
    -replace=github.com/hpcloud/tail=github.com/grafana/tail@v0.0.0-20191024143944-0b54ddf21fe7 \
    -replace=github.com/Azure/azure-sdk-for-go=github.com/Azure/azure-sdk-for-go@v36.2.0+incompatible \
    -replace=k8s.io/client-go=k8s.io/client-go@v0.18.3 \
    -replace=github.com/satori/go.uuid=github.com/satori/go.uuid@v1.2.0 \
    -replace=github.com/gocql/gocql=github.com/grafana/gocql@v0.0.0-20200605141915-ba5dc39ece85 \
    -replace=google.golang.org/grpc=google.golang.org/grpc@v1.29.1
}

[ $# -gt 0 ] || set -- postgres prometheus promtool alertmanager node-exporter rsyslog redis kafka keycloak chromium xfs eatmydata telemetrygen logcli shellcheck
for name in "$@"; do
  case $name in
    postgres) postgres_peer ;;
    prometheus) peer PROMETHEUS prometheus prometheus ;;
    promtool) peer PROMTOOL promtool prometheus ;;
    alertmanager) peer ALERTMANAGER prometheus-alertmanager prometheus-alertmanager ;;
    victoria-metrics) peer VICTORIA_METRICS victoria-metrics victoria-metrics ;;
    victoria-logs) victoria_logs_peer ;;
    node-exporter) peer NODE_EXPORTER prometheus-node-exporter prometheus-node-exporter ;;
    rsyslog) peer RSYSLOGD rsyslogd rsyslog ;;
    redis) peer REDIS_SERVER redis-server redis-server ;;
    kafka) kafka_peer ;;
    keycloak) keycloak_peer ;;
    chromium) chromium_peer ;;
    xfs) peer XFS_IO xfs_io xfsprogs ;;
    eatmydata) eatmydata_peer ;;
    telemetrygen) telemetrygen_peer ;;
    logcli) logcli_peer ;;
    shellcheck) peer SHELLCHECK shellcheck shellcheck ;;
    *) die "unknown peer $name" ;;
  esac
done
