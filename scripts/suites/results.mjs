// Turns a runner's JSON report into the result lines of test.sh.
// Usage: node results.mjs vitest|playwright REPORT
import { readFileSync } from "node:fs";

const [runner, path] = process.argv.slice(2);
const lines = [];
const count = { passed: 0 };

function record(status, name, why) {
  if (status === "passed") count.passed += 1;
  else if (status === "skipped") lines.push(`skipped ${name}: ${why}`);
  else lines.push(`failed ${name}`);
}

/** Vitest's reporter writes Jest's shape: files with their assertions. */
function vitest(report) {
  for (const file of report.testResults) {
    const tests = file.assertionResults;
    for (const test of tests) {
      const skipped = ["pending", "skipped", "todo", "disabled"].includes(test.status);
      record(skipped ? "skipped" : test.status, `console: ${test.fullName}`, "marked as skipped");
    }
    if (tests.length === 0 && file.status === "failed") record("failed", `console: ${file.name}`);
  }
}

/** Playwright nests suites; a test's status is that of all its attempts. */
function playwright(suite, trail = []) {
  for (const spec of suite.specs ?? []) {
    for (const test of spec.tests) {
      const name = `browser: ${[...trail, spec.title].join(" > ")} [${test.projectName}]`;
      const reason = test.annotations.find((note) => note.type === "skip")?.description;
      const status = { expected: "passed", skipped: "skipped" }[test.status] ?? "failed";
      record(status, name, reason ?? "marked as skipped");
    }
  }
  for (const inner of suite.suites ?? []) playwright(inner, [...trail, inner.title]);
}

const report = JSON.parse(readFileSync(path, "utf8"));
if (runner === "vitest") {
  vitest(report);
} else {
  playwright(report);
  for (const error of report.errors ?? []) lines.push(`failed browser: ${error.message.split("\n")[0]}`);
}
console.log([`passed ${count.passed}`, ...lines].join("\n"));
