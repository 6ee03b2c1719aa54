import { expect, test, type Page } from '@playwright/test';
import { readFileSync } from 'node:fs';
import { logIn, PROJECT } from '../pages';

test.beforeEach(async ({ page }) => logIn(page));

const TRACES = `/p/${PROJECT}/traces`;
const rows = (page: Page) => page.getByRole('table', { name: 'Traces' }).getByRole('link');

test('traces are searched by service, attribute, duration and error, all of it in the link', async ({ page }) => {
  await page.goto(TRACES);
  await page.getByRole('combobox', { name: 'Service' }).click();
  await page.getByRole('option', { name: 'payments' }).click();
  await page.getByLabel('Attributes').fill('http.route=/charge');
  await page.getByLabel('At least').fill('1s');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.getByRole('checkbox', { name: 'With errors' }).check();
  await expect(page).toHaveURL(/service=payments/);
  await expect(page).toHaveURL(/min=1s/);
  await expect(page).toHaveURL(/errors=1/);
  await expect(rows(page).first()).toContainText('POST /checkout');
  await expect(page.getByRole('img', { name: /^Durations of (\d+) traces over time, \1 with errors/ })).toBeVisible();
});

test('a cell of the heatmap narrows the search, in the link', async ({ page }) => {
  await page.goto(TRACES);
  await page.getByText('Heatmap', { exact: true }).click();
  await expect(page).toHaveURL(/tab=heatmap/);
  const map = page.getByRole('img', { name: /^[\d,]+ spans by time and duration, [\d,]+ with errors$/ });
  await expect(map).toBeVisible();
  const box = await map.boundingBox();
  if (!box) throw new Error('the heatmap is on the page');
  // Somewhere in the middle column there is a cell; only those have a pointer's hand.
  const over = map.locator('.u-over');
  for (let y = box.height - 40; y > 10; y -= 6) {
    await page.mouse.move(box.x + box.width / 2, box.y + y);
    if (await over.evaluate((element) => (element as HTMLElement).style.cursor === 'pointer')) break;
  }
  await page.mouse.down();
  await page.mouse.up();
  await expect(page).toHaveURL(/min=[\d.]+ms/);
  await expect(page).toHaveURL(/max=[\d.]+ms/);
  await expect(page).toHaveURL(/from=/);
  await expect(page.getByLabel('At least')).toHaveValue(/ms$/);
  await page.goBack();
  await expect(page).not.toHaveURL(/min=/);
});

test('the traces that are listed are downloaded as CSV', async ({ page }) => {
  await page.goto(`${TRACES}?service=payments&errors=1`);
  await expect(rows(page).first()).toBeVisible();
  const file = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download these traces as CSV' }).click();
  const [header, first] = readFileSync(await (await file).path(), 'utf8').split('\n');
  expect(header).toBe('trace_id,start,service,operation,duration_ms,spans,errors,services');
  expect(first).toMatch(/^[0-9a-f]{32},\d{4}-/);
});

test('what is no duration is refused where it stands', async ({ page }) => {
  await page.goto(TRACES);
  await page.getByLabel('At least').fill('soon');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await expect(page.getByText('As in 250ms or 1.5s')).toBeVisible();
});

test('a waterfall collapses, is walked with the keyboard, and a span opens with its events', async ({ page }) => {
  await page.goto(`${TRACES}?service=payments&errors=1&min=1s`);
  await rows(page).first().click();
  const tree = page.getByRole('tree', { name: 'Spans' });
  const charge = tree.getByRole('treeitem', { name: /^payments POST \/charge.*error.*critical path/ });
  await expect(charge).toHaveAttribute('aria-level', '5');
  const before = await tree.getByRole('treeitem').count();
  await charge.focus();
  await page.keyboard.press('ArrowLeft');
  await expect(charge).toHaveAttribute('aria-expanded', 'false');
  expect(await tree.getByRole('treeitem').count()).toBeLessThan(before);
  await page.keyboard.press('ArrowRight');
  await tree.getByRole('treeitem', { name: /acquire connection/ }).click();
  const span = page.getByRole('dialog');
  await expect(span).toContainText('timed out waiting for a connection');
  await expect(span).toContainText('PoolTimeout');
  await expect(page).toHaveURL(/span=[0-9a-f]+/);
  const [here] = /span=[0-9a-f]+/.exec(page.url()) ?? [];
  await span.getByRole('button', { name: 'Previous span' }).click();
  await expect(page).not.toHaveURL(new RegExp(String(here)));
  await span.getByRole('button', { name: 'Next span' }).click();
  await expect(page).toHaveURL(new RegExp(String(here)));
  await span.getByRole('link', { name: 'Lines of the trace' }).click();
  await expect(page).toHaveURL(/logs\?.*trace_id/);
});

test('the number of errors opens the first, and the details step to the next', async ({ page }) => {
  await page.goto(`${TRACES}?service=payments&errors=1&min=1s`);
  await rows(page).first().click();
  await page.getByRole('button', { name: /with errors: open the first$/ }).click();
  const selected = page.getByRole('treeitem', { name: /, error/, selected: true, includeHidden: true });
  await expect(selected).toHaveCount(1);
  const first = page.url();
  await page.getByRole('dialog').getByRole('button', { name: 'Next error' }).click();
  await expect(page).not.toHaveURL(first);
  await expect(selected).toHaveCount(1);
  await expect(selected).toBeInViewport();
});

test('spans are found by what they are, beneath a collapsed one too, and Enter goes from one to the next', async ({ page }) => {
  await page.goto(`${TRACES}?service=payments&errors=1&min=1s`);
  await rows(page).first().click();
  const tree = page.getByRole('tree', { name: 'Spans' });
  const root = tree.getByRole('treeitem').first();
  await root.focus();
  await page.keyboard.press('ArrowLeft');
  await expect(tree.getByRole('treeitem', { name: /acquire connection/ })).toHaveCount(0);
  await page.keyboard.press('/');
  await page.keyboard.type('acquire');
  await expect(page.getByRole('search', { name: 'Spans' }).getByRole('status')).toHaveText(/^\d+ of \d+ match, Enter/);
  await page.keyboard.press('Enter');
  await expect(tree.locator('[data-current]')).toHaveAttribute('aria-label', /acquire connection/);
  await page.keyboard.press('Escape');
  await expect(tree.getByRole('treeitem', { name: /acquire connection/ })).toHaveCount(0);
});

test('the axis zooms, and the whole trace comes back', async ({ page }) => {
  await page.goto(`${TRACES}?service=payments&errors=1&min=1s`);
  await rows(page).first().click();
  const tree = await page.getByRole('tree', { name: 'Spans' }).boundingBox();
  if (!tree) throw new Error('the waterfall is on the page');
  await page.mouse.move(tree.x + tree.width * 0.5, tree.y - 14);
  await page.mouse.down();
  await page.mouse.move(tree.x + tree.width * 0.6, tree.y - 14, { steps: 4 });
  await page.mouse.up();
  await page.getByRole('button', { name: 'Whole trace' }).click();
  await expect(page.getByRole('button', { name: 'Whole trace' })).toHaveCount(0);
});

test('the flame graph says where the time went', async ({ page }) => {
  await page.goto(`${TRACES}?service=payments&errors=1&min=1s`);
  await rows(page).first().click();
  await page.getByText('Flame graph', { exact: true }).click();
  await expect(page.getByRole('table', { name: 'Time by operation' }).getByRole('row').nth(1)).toContainText('acquire connection');
  await expect(page).toHaveURL(/tab=flame/);
});

test('services are ordered by what goes wrong, and the link says so', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/services`);
  const table = page.getByRole('table', { name: 'Services' });
  const shares = async () => (await table.getByRole('row').allInnerTexts()).slice(1).map((row) => Number(/([\d.]+) %/.exec(row)?.[1]));
  await table.getByRole('button', { name: 'Errors', exact: true }).click();
  await expect(page).toHaveURL(/order=errors(&|$)/);
  await page.reload();
  await expect(table.getByRole('columnheader', { name: 'Errors' })).toHaveAttribute('aria-sort', 'descending');
  // The map has the numbers of whole services.
  await expect(page.getByRole('group', { name: /^payments:/ })).toBeVisible();
  const worstFirst = await shares();
  expect(worstFirst.length).toBeGreaterThan(2);
  expect(worstFirst).toEqual(worstFirst.toSorted((left, right) => right - left));
  await table.getByRole('button', { name: 'Errors', exact: true }).click();
  await expect(page).toHaveURL(/order=errors:lowest/);
  await expect.poll(shares).toEqual(worstFirst.toSorted((left, right) => left - right));
});

test('the service map and its numbers lead to operations, traces and lines', async ({ page }) => {
  await page.goto(`/p/${PROJECT}/services`);
  await page.getByRole('group', { name: /^payments:/ }).click();
  await expect(page).toHaveURL(/service=payments/);
  await expect(page.getByRole('table', { name: 'Operations' })).toContainText('POST /charge');
  await expect(page.getByRole('table', { name: 'Services' }).getByRole('row', { name: /checkout/ })).toContainText('%');
  await page.getByRole('link', { name: 'Logs of payments' }).click();
  await expect(page).toHaveURL(/logs\?.*service=payments/);
});

test('a failed panel stays alone', async ({ page }) => {
  await page.addInitScript(() => {
    const real = window.fetch;
    window.fetch = (input, init) => {
      const url = input instanceof Request ? input.url : String(input);
      if (!url.includes('/service-map')) return real(input, init);
      return Promise.resolve(new Response('{"title":"Broken","status":500,"request_id":"r-1"}', { status: 500 }));
    };
  });
  await page.goto(`/p/${PROJECT}/services`);
  await expect(page.getByRole('alert')).toContainText('Broken');
  await expect(page.getByRole('table', { name: 'Services' })).toContainText('checkout');
});

test('a trace that nobody kept says what became of it', async ({ page }) => {
  await page.goto(`${TRACES}/ffffffffffffffffffffffffffffffff`);
  await expect(page.getByText('This trace is not here')).toBeVisible();
  await expect(page.getByText(/Sampling may have left it out/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Try again' })).toBeVisible();
});
