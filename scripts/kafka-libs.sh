#!/usr/bin/env bash
# Prints the folder that holds Kafka's jars, resolving them from Maven Central
# the first time. Fails where there is no Java 17, or no mvn and no jars yet.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

java_major() { java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p'; }

if [ -n "${SRE_COPILOT_TEST_KAFKA_DIR:-}" ]; then
  echo "$SRE_COPILOT_TEST_KAFKA_DIR"
  exit
fi
has java || die "kafka needs java"
[ "$(java_major)" -ge 17 ] || die "kafka needs Java 17 or newer"

version=$(sed -n '/kafka_2.13/{n;s/.*<version>\(.*\)<.*/\1/p}' "$root/scripts/kafka.pom.xml")
libs=$cache/kafka/$version
if [ ! -d "$libs" ]; then
  has mvn || die "kafka's jars are resolved by mvn, which is not here"
  say "resolving Kafka $version"
  mkdir -p "$cache/kafka"
  rm -rf "$libs.part"
  mvn -B -q -f "$root/scripts/kafka.pom.xml" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$libs.part" >&2
  mv "$libs.part" "$libs"
fi
echo "$libs"
