import { expect, test, type Page } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';
import { oversleep } from './asleep';

const open = async (page: Page) => {
  await page.goto(`/p/${PROJECT}/incidents`);
  await page.getByRole('link', { name: /KubePodCrashLooping/ }).click();
  await settled(page);
};

test('the first click after a sleep does its work, and nobody notices', async ({ page }) => {
  await logIn(page);
  await open(page);
  const refreshes = await oversleep(page);
  await page.getByRole('button', { name: 'Acknowledge', exact: true }).click();
  await expect(page.getByRole('list', { name: 'Progress' }).locator('[aria-current="step"]')).toContainText('Acknowledged');
  await expect(page.getByRole('alert')).toHaveCount(0);
  expect(await refreshes()).toEqual([1]);
});

test('two tabs that wake at once renew the session one after the other, and neither notices', async ({ page, context }) => {
  await logIn(page);
  await open(page);
  const other = await context.newPage();
  // The mock keeps a state for each tab; what they share is what is tested: the lock and the time of the last renewal.
  await logIn(other);
  await other.goto(`/p/${PROJECT}/alerts`);
  await settled(other);
  const refreshes = await oversleep(page, other);
  await Promise.all([
    page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Logs' }).click(),
    other.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Traces' }).click(),
  ]);
  await expect(page.getByRole('list', { name: 'Lines', exact: true })).toBeVisible();
  await expect(other.getByRole('table', { name: 'Traces' })).toBeVisible();
  for (const one of [page, other]) await expect(one.getByRole('alert')).toHaveCount(0);
  // The second needs none where it hears of the first in time, which a browser of two processes does not promise.
  expect(Math.max(...(await refreshes()))).toBe(1);
});

test('a sleeping page comes back live by a new connection', async ({ page }) => {
  await page.clock.install();
  await logIn(page);
  await open(page);
  const live = page.getByRole('status', { name: 'Live', exact: true });
  await expect(live).toBeVisible();
  await page.evaluate(() => {
    const opened: string[] = [];
    Object.assign(window, { opened });
    window.WebSocket = new Proxy(window.WebSocket, {
      construct(target, args) {
        const url = String(args[0]);
        opened.push(url);
        return new target(url);
      },
    });
  });
  await page.clock.fastForward('01:00:00');
  await expect.poll(() => page.evaluate(() => (window as unknown as { opened: string[] }).opened.length)).toBe(1);
  await expect(live).toBeVisible();
});
