import { expect, test } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';

test.beforeEach(async ({ page }) => logIn(page));

const at = (path: string) => `/p/${PROJECT}${path}`;

test('times that count back from now are read', async ({ page }) => {
  await page.goto(at('/logs?from=now-1h&to=now'));
  await expect(page.getByRole('list', { name: 'Lines', exact: true })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Time range: Last hour' })).toBeVisible();
  await expect(page.getByText('cannot be used')).toHaveCount(0);
});

for (const [path, trouble, heading] of [
  ['?from=yesterday&to=now', '“yesterday” is no time. Shown instead: last 30 days.', 'Overview'],
  ['/traces?from=2026-11-30&to=x', '“x” is no time. Shown instead: last hour.', 'Traces'],
  ['/logs?from=2026-11-30T12:00:00Z&to=2026-11-29T12:00:00Z', 'It ends before it begins. Shown instead: last hour.', 'Logs'],
] as const) {
  test(`a time that cannot be used is told once: ${path}`, async ({ page }) => {
    await page.goto(at(path));
    await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible();
    await expect(page.getByRole('status').filter({ hasText: 'The time range of this address cannot be used' })).toHaveCount(1);
    await expect(page.getByText(trouble)).toBeVisible();
    await settled(page);
    await expect(page.getByRole('alert')).toHaveCount(0);
  });
}

test('a level that there is not breaks no panel', async ({ page }) => {
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await page.goto(at('/logs?level=foo,error'));
  await expect(page.getByText(/“.*foo.*” is no level/)).toBeVisible();
  await expect(page.getByRole('list', { name: 'Filters' }).getByRole('listitem')).toHaveText(['level error']);
  await expect(page.getByRole('list', { name: 'Lines', exact: true })).toBeVisible();
  expect(asked.filter((url) => url.includes('/api/') && url.includes('foo'))).toEqual([]);
  await page.getByRole('list', { name: 'Filters' }).getByRole('button', { name: 'Remove level error' }).click();
  await expect(page).not.toHaveURL(/level=/);
});

test('the range says the year where it is another one', async ({ page }) => {
  await page.goto(at('/metrics?from=1970-01-01T10:00:00Z&to=1970-01-02T10:00:00Z'));
  await expect(page.getByRole('button', { name: /Time range: .*1970/ })).toBeVisible();
});
