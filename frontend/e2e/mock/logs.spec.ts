import { expect, test, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { logIn, PROJECT } from '../pages';
import { fail } from './failing';

test.beforeEach(async ({ page }) => logIn(page));

const LOGS = `/p/${PROJECT}/logs`;
const lines = (page: Page) => page.getByRole('list', { name: 'Lines', exact: true }).getByRole('button');

test('text is searched, marked, and in the link', async ({ page }) => {
  await page.goto(LOGS);
  await expect(lines(page).first()).toBeVisible();
  await page.keyboard.press('/');
  await page.keyboard.type('"timed out"');
  await page.keyboard.press('Enter');
  await expect(lines(page).first()).toContainText('timed out waiting for a connection');
  await expect(page.locator('mark').first()).toHaveText('timed out');
  await expect(page).toHaveURL(/q=%22timed\+out%22/);
});

test('services, levels and field values narrow, and chips take the filters away', async ({ page }) => {
  await page.goto(LOGS);
  await page.getByRole('region', { name: 'Services' }).getByRole('button', { name: /payments/ }).click();
  await page.getByRole('list', { name: 'Lines by level' }).getByRole('button', { name: /error/ }).click();
  await expect(page).toHaveURL(/service=payments&level=error|level=error&service=payments/);
  await page.getByRole('button', { name: /^error\.type/ }).click();
  await page.getByRole('list', { name: 'Values of error.type' }).getByRole('button', { name: /PoolTimeout/ }).click();
  const filters = page.getByRole('list', { name: 'Filters' });
  await expect(filters.getByRole('listitem')).toHaveText(['service payments', 'level error', 'error.type:PoolTimeout']);
  await filters.getByRole('button', { name: 'Remove level error' }).click();
  await expect(page).not.toHaveURL(/level=/);
});

test('the oldest lines come first where that is wanted, and the link says so', async ({ page }) => {
  await page.goto(LOGS);
  const newest = await lines(page).first().innerText();
  await page.getByRole('radiogroup', { name: 'Order' }).getByText('Oldest first').click();
  await expect(page).toHaveURL(/order=oldest/);
  await expect(lines(page).first()).not.toHaveText(newest);
  await page.getByRole('radiogroup', { name: 'Order' }).getByText('Newest first').click();
  await expect(lines(page).first()).toHaveText(newest, { useInnerText: true });
});

test('a line opens to its fields, filters in and out, and shows the lines around it', async ({ page }) => {
  await page.goto(`${LOGS}?level=error`);
  await lines(page).first().click();
  await page.getByRole('button', { name: 'Show the lines around it' }).click();
  await expect(page.getByRole('list', { name: 'Lines around this one' }).locator('[aria-current]')).toHaveCount(1);
  await page.getByRole('button', { name: 'Not error.type PoolTimeout' }).or(page.getByRole('button', { name: 'Not error.type UpstreamError' })).first().click();
  await expect(page).toHaveURL(/q=-error\.type/);
});

test('a line leads to its trace, and the trace back to its lines', async ({ page }) => {
  await page.goto(`${LOGS}?service=payments&level=error`);
  await lines(page).first().click();
  await page.getByRole('link', { name: 'Open the trace' }).click();
  await expect(page.getByRole('tree', { name: 'Spans' })).toBeVisible();
  await page.getByRole('link', { name: 'Lines of this trace' }).click();
  await expect(page).toHaveURL(/q=trace_id:[0-9a-f]{32}/);
  await expect(lines(page).first()).toBeVisible();
});

test('a link to one line opens it, wherever it was copied', async ({ page }) => {
  await page.goto(`${LOGS}?level=error`);
  await lines(page).first().click();
  const fields = page.getByRole('table', { name: 'Fields' });
  const time = await fields.getByRole('row', { name: /^time/ }).innerText();
  await page.evaluate(() => {
    navigator.clipboard.writeText = (text) => {
      Object.assign(window, { copied: text });
      return Promise.resolve();
    };
  });
  await page.getByRole('button', { name: 'Copy link' }).click();
  const copied = () => page.evaluate(() => String((window as unknown as { copied?: string }).copied));
  await expect.poll(copied).toMatch(/line=/);
  await page.goto(await copied());
  const linked = page.getByRole('region', { name: 'The line of this link' });
  await expect(linked.getByRole('row', { name: /^time/ })).toHaveText(time, { useInnerText: true });
  await linked.getByRole('button', { name: 'Close the line of this link' }).click();
  await expect(linked).toHaveCount(0);
  await expect(page).not.toHaveURL(/line=/);
});

test('j and k walk the lines and Enter opens one', async ({ page }) => {
  await page.goto(LOGS);
  await expect(lines(page).first()).toBeVisible();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await expect(lines(page).nth(1)).toBeFocused();
  await page.keyboard.press('k');
  await page.keyboard.press('Enter');
  await expect(lines(page).first()).toHaveAttribute('aria-expanded', 'true');
});

test('thousands of lines scroll, and only those near the screen are in the document', async ({ page }) => {
  await page.goto(LOGS);
  await expect(lines(page).first()).toBeVisible();
  for (let turn = 0; turn < 4; turn += 1) {
    await page.mouse.wheel(0, 6_000);
    await page.waitForLoadState('networkidle');
  }
  await expect.poll(() => lines(page).last().getAttribute('data-row').then(Number)).toBeGreaterThan(200);
  expect(await lines(page).count()).toBeLessThan(150);
});

test('new lines are followed live', async ({ page }) => {
  await page.goto(LOGS);
  await page.getByRole('button', { name: 'Live tail' }).click();
  await expect(page.getByText(/Following: \d+ new lines/)).toBeVisible();
  await expect(lines(page).first()).toBeVisible();
  await expect(page).toHaveURL(/live=1/);
});

test('a line that is opened stays where it is while more come, until one goes on', async ({ page }) => {
  await page.goto(`${LOGS}?live=1`);
  await expect(lines(page).first()).toBeVisible();
  await lines(page).first().click();
  const opened = page.getByRole('list', { name: 'Lines', exact: true }).locator('[data-row][aria-expanded="true"]');
  const place = (await opened.getAttribute('data-row')) ?? '';
  await expect(page.getByText(/Paused: ([2-9]|[1-9]\d+) lines are waiting/)).toBeVisible({ timeout: 20_000 });
  await expect(opened).toHaveAttribute('data-row', place);
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByText(/Following: \d+ new lines/)).toBeVisible();
  await expect(opened).not.toHaveAttribute('data-row', place);
});

test('whoever scrolls down a tail reads on in peace', async ({ page }) => {
  await page.goto(`${LOGS}?live=1`);
  await expect(lines(page).first()).toBeVisible();
  // As long as a tail is after a while.
  await page.evaluate(() => {
    document.body.style.paddingBottom = '3000px';
  });
  await page.mouse.wheel(0, 1_500);
  await expect(page.getByText(/^Paused/)).toHaveCount(1);
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(lines(page).first()).toBeInViewport();
});

test('a bar of the histogram tells when it is and what it holds', async ({ page }) => {
  await page.goto(LOGS);
  const chart = page.getByRole('img', { name: /lines over time, by level/ });
  await expect(chart).toBeVisible();
  const area = await chart.boundingBox();
  if (!area) throw new Error('the histogram is on the page');
  await page.mouse.move(area.x + area.width / 2, area.y + area.height / 2);
  const told = page.getByText(/\d\d:\d\d:\d\d \S+ and .+ (s|min|h) on$/);
  await expect(told).toBeVisible();
  await page.mouse.move(0, 0);
  await expect(told).toHaveCount(0);
});

test('the next lines are asked for once where they fail, and again on request', async ({ page }) => {
  await page.goto(LOGS);
  await expect(lines(page).first()).toBeVisible();
  const asked = await fail(page, { on: 'GET /api/v1/logs', times: 1, how: 500 });
  await page.mouse.wheel(0, 20_000);
  await expect(page.getByRole('alert')).toContainText('Service Unavailable');
  expect((await asked()).length).toBe(1);
  await page.getByRole('alert').getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
});

test('patterns lead to their lines', async ({ page }) => {
  await page.goto(`${LOGS}?tab=patterns`);
  await page.getByRole('table', { name: 'Patterns' }).getByRole('button', { name: /timed out waiting/ }).click();
  await expect(lines(page).first()).toContainText('timed out waiting for a connection');
  await page.goBack();
  await expect(page.getByRole('table', { name: 'Patterns' })).toBeVisible();
  await expect(page).not.toHaveURL(/q=/);
});

test('a search is saved for the project and opened again', async ({ page }) => {
  await page.goto(`${LOGS}?service=payments&level=error`);
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByLabel('Name of the view').fill('Failing payments');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('menuitem', { name: /^Failing payments/ })).toBeVisible();
  await page.goto(LOGS);
  await page.getByRole('button', { name: 'Views' }).click();
  await page.getByRole('menuitem', { name: /^Failing payments/ }).click();
  await expect(page).toHaveURL(/service=payments/);
  // By the keyboard, on which it could not be reached.
  await page.getByRole('menuitem', { name: /^Failing payments/ }).focus();
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('menuitem', { name: 'Delete view Failing payments' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('menuitem', { name: 'Delete view Failing payments for everybody' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.getByText('Nobody in this project has saved a view')).toBeVisible();
});

test('lines are exported', async ({ page }) => {
  await page.goto(`${LOGS}?level=fatal`);
  await page.getByRole('button', { name: 'Export' }).click();
  const file = page.waitForEvent('download');
  await page.getByRole('menuitem', { name: 'Lines as NDJSON' }).click();
  const [first = ''] = readFileSync(await (await file).path(), 'utf8').split('\n');
  expect(JSON.parse(first)).toMatchObject({ level: 'fatal' });
});

test('a stack trace keeps its lines', async ({ page }) => {
  await page.goto(`${LOGS}?q=error.type:PoolTimeout`);
  await lines(page).first().click();
  const trace = page.getByRole('table', { name: 'Fields' }).getByRole('row', { name: /^exception\.stacktrace/ }).getByRole('cell').first();
  expect((await trace.innerText()).split('\n')).toHaveLength(3);
});

test('a pattern of a huge line is cut, until all of it is wanted', async ({ page }) => {
  await page.goto(LOGS);
  await expect(lines(page).first()).toBeVisible();
  await page.evaluate(() => {
    const real = window.fetch;
    window.fetch = async (input, init) => {
      if (!(input instanceof Request) || !input.url.includes('/logs/patterns')) return real(input, init);
      const body = (await (await real(input)).json()) as { items: { pattern: string; sample: string }[] };
      const [first] = body.items;
      if (first) first.pattern = first.sample = `huge ${'x'.repeat(100_000)}`;
      return Response.json(body);
    };
  });
  await page.getByRole('radiogroup', { name: 'Show as' }).getByText('Patterns').click();
  const huge = page.getByRole('table', { name: 'Patterns' }).getByRole('button', { name: /^huge/ });
  expect((await huge.innerText()).length).toBeLessThan(1_000);
  await page.getByRole('button', { name: 'All 100,005 characters' }).click();
  expect((await huge.innerText()).length).toBe(100_005);
});

test('what was typed and not searched for is cleared, too', async ({ page }) => {
  await page.goto(LOGS);
  const query = page.getByRole('textbox', { name: 'Query' });
  await query.fill('half a sen');
  await page.getByRole('button', { name: 'Clear the query' }).click();
  await expect(query).toHaveValue('');
  await expect(query).toBeFocused();
});

test('on a phone the page says which time it shows, as of when, and asks again', async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await page.goto(`/p/${PROJECT}/logs?range=15m`);
  const main = page.getByRole('main');
  await expect(main.getByText('Last 15 minutes')).toBeVisible();
  await expect(main.getByText(/^as of \d\d:\d\d:\d\d$/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Refresh', exact: true })).toBeVisible();
});
