import { expect, test, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { logIn, PROJECT } from '../pages';

test.beforeEach(async ({ page }) => logIn(page));

const metrics = (queries: Record<string, string> = {}) => `/p/${PROJECT}/metrics?${new URLSearchParams(queries)}`;
const legend = (page: Page) => page.getByRole('region', { name: 'Series' });

test('a query is completed, run with Ctrl-Enter, drawn, and kept in the link', async ({ page }) => {
  await page.goto(metrics());
  const editor = page.getByRole('textbox', { name: 'Query A' });
  await editor.click();
  await page.keyboard.type('sum by (status) (rate(http_requ');
  await expect(page.getByRole('option', { name: /http_requests_total/ })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.type('ests_total[5m]))');
  await page.keyboard.press('Control+Enter');
  await expect(page.getByRole('img', { name: /3 series over time/ })).toBeVisible();
  await expect(page).toHaveURL(/a=sum\+by/);
  await expect(editor).toHaveText('sum by (status) (rate(http_requests_total[5m]))');

  await page.reload();
  await expect(editor).toHaveText('sum by (status) (rate(http_requests_total[5m]))');
  await expect(legend(page)).toContainText('{status="502"}');
});

test('a query that was run stays in its editor, what is being typed stays too, and Back brings the one before', async ({ page }) => {
  await page.goto(metrics({ a: 'up' }));
  const [first, second] = [page.getByRole('textbox', { name: 'Query A' }), page.getByRole('textbox', { name: 'Query B' })];
  await first.fill('go_goroutines');
  await page.getByRole('button', { name: 'Run' }).click();
  await expect(page).toHaveURL(/a=go_goroutines/);
  await expect(first).toHaveText('go_goroutines');
  await page.getByRole('button', { name: 'Add query' }).click();
  await second.fill('rate(');
  await page.goBack();
  await expect(first).toHaveText('up');
  await expect(second).toHaveText(/rate\(/);
  await page.goForward();
  await expect(first).toHaveText('go_goroutines');
});

test('several queries share a chart; one is hidden, one is removed', async ({ page }) => {
  await page.goto(metrics({ a: 'up', b: 'go_goroutines' }));
  await expect(legend(page)).toContainText('A · up{');
  await page.getByRole('button', { name: 'Hide query A' }).click();
  await expect(legend(page)).not.toContainText('up{');
  await expect(page).toHaveURL(/hidden=a/);
  await page.getByRole('button', { name: 'Remove query A' }).click();
  await expect(page.getByRole('textbox', { name: 'Query A' })).toHaveCount(0);
  await expect(legend(page)).toContainText('go_goroutines{');
});

test('a broken query says where it is broken, and the page goes on', async ({ page }) => {
  await page.goto(metrics({ a: 'sum(rate(up[5m])', b: 'up' }));
  await expect(page.getByRole('alert')).toContainText('Line 1, column 4: parse error: unclosed left parenthesis');
  await expect(legend(page)).toContainText('up{');
});

test('too many series: the first 200, and it says so', async ({ page }) => {
  await page.goto(metrics({ a: 'kube_pod_info' }));
  await expect(page.getByText('The first 200 of 260 series are shown')).toBeVisible();
});

test('dragging on the chart narrows the shared range, and Back undoes it', async ({ page }) => {
  await page.goto(metrics({ a: 'up' }));
  const chart = page.getByRole('img', { name: /series over time/ });
  const area = await chart.boundingBox();
  if (!area) throw new Error('the chart is on the page');
  await page.mouse.move(area.x + area.width * 0.4, area.y + 100);
  await page.mouse.down();
  await page.mouse.move(area.x + area.width * 0.7, area.y + 100, { steps: 5 });
  await page.mouse.up();
  await expect(page).toHaveURL(/from=.*to=/);
  await page.goBack();
  await expect(page).not.toHaveURL(/from=/);
});

test('one series is shown alone, and all again', async ({ page }) => {
  await page.goto(metrics({ a: 'up' }));
  const one = legend(page).getByRole('button', { name: /node-a/ });
  await one.click();
  await expect(one).toHaveAttribute('aria-pressed', 'true');
  await one.click();
  await expect(one).toHaveAttribute('aria-pressed', 'false');
});

test('a series that is shown alone stays so in another range', async ({ page }) => {
  await page.goto(metrics({ a: 'up' }));
  const one = legend(page).getByRole('button', { name: /node-a/ });
  await one.click();
  await page.getByRole('button', { name: /^Time range/ }).click();
  await page.getByRole('menuitem', { name: 'Last 3 hours' }).click();
  await expect(page.getByRole('region', { name: 'Last 3 hours' })).toBeVisible();
  await expect(one).toHaveAttribute('aria-pressed', 'true');
});

test('incidents that began while the lines were drawn are marked, and listed as links', async ({ page }) => {
  await page.goto(metrics({ a: 'up', range: '30d' }));
  await page.getByText(/incidents? began here/).click();
  await page.getByRole('group').getByRole('link', { name: /^INC-\d+/ }).first().click();
  await expect(page).toHaveURL(/\/incidents\/[0-9a-f-]{36}/);
  await expect(page.getByRole('list', { name: 'Progress' })).toBeVisible();
});

test('the table is ordered by value, and downloaded as CSV', async ({ page }) => {
  await page.goto(metrics({ a: 'process_resident_memory_bytes', tab: 'table' }));
  const table = page.getByRole('table', { name: /Query A/ });
  await table.getByRole('button', { name: 'Value' }).click();
  await expect(table.getByRole('columnheader', { name: 'Value' })).toHaveAttribute('aria-sort', 'descending');
  const values = (await table.getByRole('row').allInnerTexts()).slice(1).map((row) => Number(/([\d.]+) MiB$/.exec(row.trim())?.[1]));
  expect(values.length).toBeGreaterThan(2);
  expect(values).toEqual(values.toSorted((left, right) => right - left));
  const file = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download query A as CSV' }).click();
  expect(readFileSync(await (await file).path(), 'utf8')).toMatch(/^metric,.*,value\n/);
});

test('the browser begins a query, down to a label value', async ({ page }) => {
  await page.goto(metrics());
  await page.getByRole('button', { name: 'Labels of http_requests_total' }).click();
  await page.getByRole('list', { name: 'Values of service' }).getByRole('button', { name: 'payments' }).click();
  await expect(page.getByRole('textbox', { name: 'Query A' })).toContainText('sum(rate(http_requests_total{service="payments"}[5m]))');
  await expect(page.getByRole('img', { name: /1 series over time/ })).toBeVisible();
});

test('the table shows labels as columns, and values with their unit', async ({ page }) => {
  await page.goto(metrics({ a: 'process_resident_memory_bytes', tab: 'table' }));
  const table = page.getByRole('table', { name: /Query A/ });
  await expect(table.getByRole('columnheader', { name: 'service' })).toBeVisible();
  await expect(table.getByRole('row', { name: /payments/ })).toContainText('MiB');
  await page.setViewportSize({ width: 390, height: 844 });
  const value = table.getByRole('row', { name: /payments/ }).getByRole('cell').last();
  await value.scrollIntoViewIfNeeded();
  await table.locator('..').evaluate((region) => region.scrollTo({ left: 0 }));
  await expect(value).toBeInViewport({ ratio: 0.9 });
});

test('an exemplar leads to its trace', async ({ page }) => {
  await page.goto(metrics({ a: 'histogram_quantile(0.95, sum by (service, le) (rate(http_request_duration_seconds_bucket[5m])))' }));
  await page.getByText(/12 exemplars/).click();
  await page.getByRole('group').getByRole('link').first().click();
  await expect(page.getByRole('tree', { name: 'Spans' })).toBeVisible();
});

test('what is drawn is downloaded as CSV and as a picture', async ({ page }) => {
  await page.goto(metrics({ a: 'up' }));
  await page.getByRole('button', { name: 'Download' }).click();
  const csv = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'Values as CSV' }).click();
  expect(readFileSync(await (await csv).path(), 'utf8')).toMatch(/^time,"up\{instance=""node-a:9100""/);
  await page.getByRole('button', { name: 'Download' }).click();
  const png = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'Chart as PNG' }).click();
  expect(readFileSync(await (await png).path()).subarray(1, 4).toString()).toBe('PNG');
});

test('an empty project is told how to send, with a key made on the spot, and turns live with the first sample', async ({ page, baseURL }) => {
  await page.getByRole('button', { name: /Project default/ }).click();
  await page.getByRole('menuitem', { name: 'staging' }).click();
  await expect(page.getByRole('button', { name: /Project staging/ })).toBeVisible();
  await page.getByRole('link', { name: 'Metrics' }).click();
  await expect(page.getByText('Waiting for the first sample…')).toBeVisible();
  await page.getByRole('button', { name: 'Create key' }).click();
  const key = await page.getByTestId('api-key').innerText();
  const file = page.getByRole('region', { name: 'prometheus.yml' });
  await expect(file).toContainText(`url: ${baseURL}/api/v1/write`);
  await expect(file).toContainText(`credentials: ${key}`);
  await page.evaluate((bearer) => fetch('/api/v1/write', { method: 'POST', headers: { Authorization: `Bearer ${bearer}` } }), key);
  await expect(page.getByRole('textbox', { name: 'Query A' })).toBeVisible();
});

test('the legend is sorted by a click on a column', async ({ page }) => {
  await page.goto(metrics({ a: 'process_resident_memory_bytes' }));
  const header = legend(page).getByRole('columnheader', { name: /Max/ });
  const values = async () => (await legend(page).getByRole('row').allInnerTexts()).slice(1).map((row) => Number(/([\d.]+) MiB\s+[\d.]+ MiB$/.exec(row)?.[1]));
  await header.getByRole('button').click();
  await expect(header).toHaveAttribute('aria-sort', 'descending');
  const sorted = await values();
  expect(sorted.length).toBeGreaterThan(2);
  expect(sorted).toEqual(sorted.toSorted((left, right) => right - left));
});

test('a page asks again by itself as often as was chosen, and the link says so', async ({ page }) => {
  await page.goto(metrics({ a: 'up' }));
  await expect(legend(page)).toContainText('up{');
  let asked = 0;
  page.on('request', (request) => {
    if (request.url().includes('/query_range')) asked += 1;
  });
  await page.getByRole('button', { name: 'Auto refresh: off' }).click();
  await page.getByRole('menuitem', { name: 'Every 5s' }).click();
  await expect(page).toHaveURL(/refresh=5s/);
  await expect.poll(() => asked, { timeout: 20_000 }).toBeGreaterThan(1);
  await page.getByRole('button', { name: 'Auto refresh: every 5s' }).click();
  await page.getByRole('menuitem', { name: 'Off' }).click();
  await expect(page).not.toHaveURL(/refresh=/);
});

test('the top bar says as of when the chart is', async ({ page }) => {
  await page.clock.install();
  await page.goto(metrics({ a: 'up' }));
  const told = page.getByRole('banner').getByText(/^as of \d\d:\d\d:\d\d$/);
  await expect(told).toBeVisible();
  const before = await told.innerText();
  await page.clock.fastForward(65_000);
  await expect(told).toHaveText(before);
  await page.getByRole('button', { name: 'Refresh', exact: true }).click();
  await expect(told).not.toHaveText(before);
  // What is told as it happens has no such time.
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Incidents' }).click();
  await expect(page.getByRole('heading', { name: 'Incidents', level: 1 })).toBeVisible();
  await expect(told).toHaveCount(0);
});

test('the range is moved and widened from its menu', async ({ page }) => {
  await page.goto(`${metrics({ a: 'up' })}&from=2026-01-01T10:00:00.000Z&to=2026-01-01T11:00:00.000Z`);
  const range = page.getByRole('button', { name: /^Time range/ });
  await range.click();
  await page.getByRole('menuitem', { name: 'Earlier' }).click();
  await expect(page).toHaveURL(/from=2026-01-01T09:30:00.000Z&to=2026-01-01T10:30:00.000Z/);
  await range.click();
  await page.getByRole('menuitem', { name: 'Zoom out' }).click();
  await expect(page).toHaveURL(/from=2026-01-01T09:00:00.000Z&to=2026-01-01T11:00:00.000Z/);
  await range.click();
  await page.getByRole('menuitem', { name: 'Custom range…' }).click();
  await expect(page.getByRole('dialog', { name: 'Custom time range' })).toContainText(/Times are of \S+/);
});
