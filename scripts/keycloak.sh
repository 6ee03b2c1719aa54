#!/usr/bin/env bash
# Prints the folder of a Keycloak for tests, fetching it from Maven Central and
# building it once. Fails where there is no Java 17, or no mvn and no Keycloak yet.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

java_major() { java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p'; }

if [ -n "${SRE_COPILOT_TEST_KEYCLOAK:-}" ]; then
  echo "$SRE_COPILOT_TEST_KEYCLOAK"
  exit
fi
has java || die "keycloak needs java"
[ "$(java_major)" -ge 17 ] || die "keycloak needs Java 17 or newer"

version=26.7.3
home=$cache/keycloak/keycloak-$version
if [ ! -d "$home" ]; then
  has mvn || die "keycloak is fetched by mvn, which is not here"
  say "fetching and building Keycloak $version"
  part=$cache/keycloak/$version.part
  rm -rf "$part"
  mkdir -p "$part"
  (cd "$part" && mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack \
    -Dartifact="org.keycloak:keycloak-quarkus-dist:$version:zip" -DoutputDirectory="$part") >&2
  chmod +x "$part/keycloak-$version/bin/kc.sh"
  # A start then takes seconds, and keeps nothing in files that another would see.
  "$part/keycloak-$version/bin/kc.sh" build --db=dev-mem >&2
  mv "$part/keycloak-$version" "$home"
  rm -rf "$part"
fi
echo "$home"
