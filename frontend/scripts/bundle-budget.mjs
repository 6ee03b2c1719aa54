// Fails when the JavaScript that the first page needs exceeds the budget, or when index.html holds an inline script.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET_KB = 250;
const dist = new URL('../dist/', import.meta.url);
const html = readFileSync(new URL('index.html', dist), 'utf8');

const inline = [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>/g)];
if (inline.length > 0) {
  console.error('dist/index.html holds an inline script, which the CSP forbids');
  process.exit(1);
}

const initial = [...html.matchAll(/(?:src|href)="\/([^"]+\.js)"/g)].map(([, path]) => path);
const sizes = initial.map((path) => gzipSync(readFileSync(new URL(path, dist))).length);
const total = sizes.reduce((sum, size) => sum + size, 0) / 1024;
console.log(`initial JavaScript: ${total.toFixed(1)} kB gzipped of ${BUDGET_KB} (${initial.join(', ')})`);
if (total > BUDGET_KB) process.exit(1);
