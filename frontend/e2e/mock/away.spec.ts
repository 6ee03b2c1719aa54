import { expect, test, type Page } from '@playwright/test';
import { logIn, PROJECT, settled } from '../pages';
import { fail, failFirst } from './failing';

const INCIDENTS = `/p/${PROJECT}/incidents`;

async function openIncident(page: Page): Promise<void> {
  await logIn(page);
  await page.goto(INCIDENTS);
  await page.getByRole('link', { name: /KubePodCrashLooping/ }).click();
  await settled(page);
}

test('a comment that is recorded while reading is away is no error', async ({ page }) => {
  await openIncident(page);
  await fail(page, { on: '/comments', times: 1, how: 202 });
  const polls = await fail(page, { on: 'GET /api/v1/commands/', times: 1_000, how: 503 });
  await page.clock.install();
  await page.getByLabel('Comment').fill('Rolled back.');
  await page.getByRole('button', { name: 'Comment' }).click();
  await expect.poll(async () => (await polls()).length).toBeGreaterThan(1);
  await expect(page.getByRole('alert')).toHaveCount(0);
  await page.clock.fastForward(61_000);
  await expect(page.getByText('What you sent is recorded')).toBeVisible();
  await expect(page.getByLabel('Comment')).toHaveValue('');
  await expect(page.getByText('Service Unavailable')).toHaveCount(0);
});

test('what is sent again after a lost answer has the same key, and the page says that it may be', async ({ page }) => {
  await openIncident(page);
  const keys = await fail(page, { on: '/comments', times: 1, how: 'lost' });
  await page.getByLabel('Comment').fill('Image 41 lacks libssl.');
  await page.getByRole('button', { name: 'Comment' }).click();
  await expect(page.getByRole('alert')).toContainText('what has arrived is not done twice');
  await page.getByRole('button', { name: 'Comment' }).click();
  await expect(page.getByLabel('Comment')).toHaveValue('');
  const [first, second, ...more] = await keys();
  expect(first).toMatch(/^[0-9a-f-]{36}$/);
  expect(second).toBe(first);
  expect(more).toEqual([]);
});

test('a session that ends leads to the login page once, says so, and back to the page', async ({ page }) => {
  await logIn(page);
  await page.goto(`${INCIDENTS}?status=open`);
  await expect(page.getByRole('table')).toBeVisible();
  // As another tab does it: this one is not told.
  await page.evaluate(() => fetch('/api/v1/auth/logout', { method: 'POST' }));
  await page.getByRole('navigation').getByRole('link', { name: 'Alerts' }).click();
  await expect(page.getByText('You were signed out')).toBeVisible();
  const next = new URL(page.url()).searchParams.get('next');
  expect(next).toMatch(new RegExp(`^/p/${PROJECT}/(alerts|incidents)`));
  await page.getByLabel('E-mail').fill('mira@nordlicht.example');
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByRole('button', { name: 'Log in' }).click();
  await expect(page).toHaveURL(new RegExp(`/p/${PROJECT}/(alerts|incidents)`));
});

test('whoever logs out is not told to have been signed out', async ({ page }) => {
  await logIn(page);
  await page.getByRole('button', { name: 'Your account' }).click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await expect(page).toHaveURL(/\/login$/);
  await expect(page.getByText('You were signed out')).toHaveCount(0);
});

test('an incident that could not be read is asked for again on request, and its request id is there to copy', async ({ page }) => {
  await openIncident(page);
  const { pathname } = new URL(page.url());
  await failFirst(page, { on: `GET /api/v1/incidents/${pathname.split('/').at(-1)}`, times: 1, how: 500, body: { request_id: 'req-41' } });
  await page.goto(pathname);
  await expect(page.getByText('Request req-41')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Copy the request id' })).toBeVisible();
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('heading', { name: /KubePodCrashLooping/ })).toBeVisible();
});

test('the first page comes by itself when reading is back', async ({ page }) => {
  await logIn(page);
  await failFirst(page, { on: '/auth/me', times: 4, how: 503 });
  await page.goto(INCIDENTS);
  await expect(page.getByRole('alert')).toContainText('Service Unavailable');
  await expect(page.getByRole('heading', { name: 'Incidents', level: 1 })).toBeVisible({ timeout: 20_000 });
});

test('a page that could not be loaded says so, and comes when the network is back', async ({ page, context }) => {
  await logIn(page);
  await context.setOffline(true);
  await page.getByRole('navigation').getByRole('link', { name: 'Traces' }).click();
  await expect(page.getByRole('alert')).toContainText('The page could not be loaded');
  await expect(page.getByText('This part of the page failed')).toHaveCount(0);
  await context.setOffline(false);
  await expect(page.getByRole('heading', { name: 'Traces', level: 1 })).toBeVisible();
  await expect(page).toHaveURL(/\/traces/);
});

test('where a part of the console is gone, as after a deployment, the page is loaded anew, once', async ({ page, context }) => {
  await logIn(page);
  await page.clock.install();
  let loaded = 0;
  page.on('load', () => (loaded += 1));
  await context.route(/assets\/TracesPage-.*\.js$/, (route) => route.fulfill({ status: 404, body: '' }));
  await page.getByRole('navigation').getByRole('link', { name: 'Traces' }).click();
  await expect.poll(() => loaded).toBe(1);
  await expect(page.getByRole('alert')).toContainText('The page could not be loaded');
  // Two more tries, which know that it was loaded anew just now.
  await page.clock.runFor(11_000);
  await expect(page.getByRole('alert')).toContainText('The page could not be loaded');
  expect(loaded).toBe(1);
  await context.unrouteAll();
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('heading', { name: 'Traces', level: 1 })).toBeVisible();
  await expect.poll(() => loaded).toBe(2);
});
