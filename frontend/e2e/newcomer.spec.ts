import { expect, test, type Page } from '@playwright/test';
import { firing } from './alertmanager';

/**
 * A newcomer's walk against the real server at E2E_BASE_URL: register, connect, see the alert become an incident
 * without a reload, take it to learned, come back.
 */
const base = process.env.E2E_BASE_URL;
const PASSWORD = 'correct horse battery staple';

test('a newcomer’s walk against the real server', async ({ page, request }) => {
  if (!base) {
    process.stderr.write('SKIPPED newcomer: E2E_BASE_URL names no running server\n');
    test.skip(true, 'E2E_BASE_URL names no running server');
    return;
  }
  test.setTimeout(120_000);
  const violations: string[] = [];
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) violations.push(message.text());
  });
  const email = `newcomer-${Date.now()}@example.com`;

  await register(page, email);
  const key = await createKey(page);

  await test.step('an alert becomes an incident on the open page', async () => {
    const loads = countLoads(page);
    const answer = await request.post(`${base}/api/v1/webhooks/alertmanager`, {
      headers: { Authorization: `Bearer ${key}` },
      data: firing('NewcomerAlert', 'critical', 'Checkout is down'),
    });
    expect(answer.status()).toBe(202);
    await expect(page.getByText('It works')).toBeVisible();
    await page.getByRole('link', { name: 'Open the incident' }).click();
    await expect(page.getByRole('list', { name: 'Alerts of this incident' })).toContainText('NewcomerAlert');
    await expect(page.getByText('SEV1').first()).toBeVisible();
    expect(loads()).toBe(0);
  });

  await test.step('it is walked to learned, with a comment', async () => {
    const current = page.getByRole('list', { name: 'Progress' }).locator('[aria-current="step"]');
    await takeStep(page, 'Acknowledge');
    await expect(current).toContainText('Acknowledged');
    await page.getByLabel('Comment').fill('The pool is full; restarting payments.');
    await page.getByRole('button', { name: 'Comment' }).click();
    await expect(page.getByRole('list', { name: 'Timeline' })).toContainText('The pool is full');
    for (const [button, status] of [
      ['Start investigating', 'Investigating'],
      ['Mark mitigated', 'Mitigated'],
      ['Resolve', 'Resolved'],
      ['Mark learned', 'Learned'],
    ] as const) {
      await takeStep(page, button);
      await expect(current).toContainText(status);
    }
  });

  await test.step('a colleague joins by the link of an invitation', async () => {
    await page.getByRole('link', { name: 'Settings', exact: true }).click();
    await page.getByRole('link', { name: 'Members', exact: true }).click();
    await page.getByRole('button', { name: 'Invite' }).click();
    await page.getByLabel('E-mail').fill(`colleague-${Date.now()}@example.com`);
    await page.getByRole('button', { name: 'Make the link' }).click();
    const link = (await page.getByRole('region', { name: 'Invitation link' }).innerText()).trim();
    await page.getByRole('button', { name: 'Done' }).click();
    const browser = page.context().browser();
    if (!browser) throw new Error('the page has no browser');
    const theirs = await browser.newContext();
    const joining = await theirs.newPage();
    await joining.goto(link.replace(new URL(link).origin, base));
    await joining.getByLabel('Your name').fill('Grace Hopper');
    await joining.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await joining.getByRole('button', { name: 'Join' }).click();
    await expect(joining.getByRole('heading', { name: 'Overview' })).toBeVisible();
    await theirs.close();
    await expect(page.getByRole('table', { name: 'Members' })).toContainText('Grace Hopper');
  });

  await test.step('what happened is still there after logging out and in', async () => {
    await page.getByRole('button', { name: 'Your account' }).click();
    await page.getByRole('menuitem', { name: 'Log out' }).click();
    await page.getByLabel('E-mail').fill(email);
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('link', { name: 'Incidents', exact: true }).click();
    await page.getByText('All', { exact: true }).click();
    await expect(page.getByRole('table', { name: 'Incidents' })).toContainText('Learned');
  });
  expect(violations).toEqual([]);
});

async function register(page: Page, email: string): Promise<void> {
  await page.goto('/register');
  await page.getByLabel('Your name').fill('Noor Haddad');
  await page.getByLabel('E-mail').fill(email);
  await page.getByLabel('Organisation').fill('Fjord');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('heading', { name: 'Getting started' })).toBeVisible();
  await expect(page.getByText('Waiting for the first alert…')).toBeVisible();
  await expect(page.getByRole('status', { name: 'Live' })).toBeVisible();
}

async function createKey(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Create key' }).click();
  const key = await page.getByTestId('api-key').innerText();
  expect(key).toMatch(/^srec_/);
  await expect(page.getByRole('region', { name: 'alertmanager.yml' })).toContainText(key);
  return key;
}

async function takeStep(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click();
}

/** How often the document was loaded since: a single-page application that is live never loads again. */
function countLoads(page: Page): () => number {
  let loads = 0;
  page.on('load', () => {
    loads += 1;
  });
  return () => loads;
}
