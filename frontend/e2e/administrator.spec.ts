import { expect, test, type Page } from '@playwright/test';

/** What an administrator sets, against the real server at E2E_BASE_URL. */
const base = process.env.E2E_BASE_URL;
const PASSWORD = 'correct horse battery staple';
const FIRST_PASSWORD = 'given by somebody else';

test('an administrator’s walk against the real server', async ({ page }) => {
  if (!base) {
    process.stderr.write('SKIPPED administrator: E2E_BASE_URL names no running server\n');
    test.skip(true, 'E2E_BASE_URL names no running server');
    return;
  }
  test.setTimeout(120_000);
  await register(page);

  await test.step('a monitoring integration is renamed, and not to the name of another', async () => {
    await settings(page, 'Integrations');
    await addIntegration(page, 'Prometheus of Oslo');
    await addIntegration(page, 'Prometheus of Bergen');
    await page.getByRole('button', { name: 'Rename Prometheus of Oslo' }).click();
    const dialog = page.getByRole('dialog', { name: 'Rename Prometheus of Oslo' });
    await dialog.getByLabel('Name', { exact: true }).fill('prometheus of bergen');
    await dialog.getByRole('button', { name: 'Rename' }).click();
    await expect(dialog.getByRole('alert')).toContainText('an integration of this name already');
    await dialog.getByLabel('Name', { exact: true }).fill('Prometheus of Trondheim');
    await dialog.getByRole('button', { name: 'Rename' }).click();
    await expect(dialog).toBeHidden();
    await page.reload();
    const table = page.getByRole('table', { name: 'Monitoring integrations' });
    await expect(table.getByRole('row', { name: /Prometheus of Trondheim/ })).toBeVisible();
    await expect(table.getByRole('row', { name: /Prometheus of Oslo/ })).toHaveCount(0);
  });

  await test.step('single sign-on demands classes and methods, and keeps them', async () => {
    await settings(page, 'Single sign-on');
    await page.getByRole('button', { name: 'Set up' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Issuer').fill('https://login.fjord.example/realms/ops');
    await dialog.getByLabel('Client id').fill('sre-copilot');
    await dialog.getByLabel('Client secret').fill('a secret of the client');
    await dialog.getByRole('button', { name: 'Add group' }).click();
    await dialog.getByLabel('Group 1', { exact: true }).fill('platform');
    await addTag(page, 'Context classes (acr)', 'urn:fjord:gold');
    await addTag(page, 'Methods (amr)', 'mfa');
    await addTag(page, 'Methods (amr)', 'hwk');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await expect(dialog).toBeHidden();
    await page.reload();
    const table = page.getByRole('table', { name: 'Single sign-on' });
    await expect(table.getByRole('row', { name: /Context classes \(acr\)/ })).toContainText('urn:fjord:gold');
    const methods = table.getByRole('row', { name: /Methods \(amr\)/ });
    await expect(methods).toContainText('mfa');
    await expect(methods).toContainText('hwk');

    await page.getByRole('button', { name: 'Change' }).click();
    await page.getByRole('dialog').getByLabel('Context classes (acr)').press('Backspace');
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await expect(table.getByRole('row', { name: /Context classes \(acr\)/ })).toContainText('any');
    await expect(methods).toContainText('hwk');
  });

  await test.step('a click while the project is being changed goes on in the new one', async () => {
    await settings(page, 'Projects');
    await page.getByRole('button', { name: 'Create project' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('Staging');
    await page.getByRole('dialog').getByRole('button', { name: 'Create project' }).click();
    await expect(page.getByRole('dialog')).toBeHidden();
    await expect(page.getByRole('row', { name: /Staging/ })).toBeVisible();
    const old = new URL(page.url()).pathname.split('/')[2] ?? '';
    await page.getByRole('button', { name: /^Project / }).click();
    await page.getByRole('menuitem', { name: 'Staging' }).click();
    await page.getByRole('link', { name: 'Incidents', exact: true }).click();
    await expect(page.getByRole('heading', { name: 'Incidents', level: 1 })).toBeVisible();
    await expect(page.getByRole('button', { name: 'Project Staging of Fjord' })).toBeVisible();
    expect(page.url()).not.toContain(old);
  });

  await test.step('an account that was made with a password gets one of its own first', async () => {
    const email = `grace-${Date.now()}@example.com`;
    const made = await page.request.post(`${base}/api/v1/members`, {
      headers: { Origin: base },
      data: { email, name: 'Grace Hopper', password: FIRST_PASSWORD, role: 'viewer' },
    });
    expect(made.status()).toBe(201);
    await settings(page, 'Members');
    const row = page.getByRole('row', { name: /Grace Hopper/ });
    await expect(row).toContainText('Has to replace the first password');
    const browser = page.context().browser();
    if (!browser) throw new Error('the page has no browser');
    const theirs = await browser.newContext({ baseURL: base });
    const joining = await theirs.newPage();
    await joining.goto('/login');
    await joining.getByLabel('E-mail').fill(email);
    await joining.getByLabel('Password', { exact: true }).fill(FIRST_PASSWORD);
    await joining.getByRole('button', { name: 'Log in' }).click();
    await joining.getByLabel('New password', { exact: true }).fill(FIRST_PASSWORD);
    await joining.getByRole('button', { name: 'Set password and log in' }).click();
    await expect(joining.getByText('must be another one than before')).toBeVisible();
    await joining.getByLabel('New password', { exact: true }).fill(PASSWORD);
    await joining.getByRole('button', { name: 'Set password and log in' }).click();
    await expect(joining.getByRole('heading', { name: 'Overview' })).toBeVisible();
    await theirs.close();
    await expect(row).not.toContainText('first password');
  });
});

async function register(page: Page): Promise<void> {
  await page.goto('/register');
  await page.getByLabel('Your name').fill('Noor Haddad');
  await page.getByLabel('E-mail').fill(`administrator-${Date.now()}@example.com`);
  await page.getByLabel('Organisation').fill('Fjord');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByRole('heading', { name: 'Getting started' })).toBeVisible();
}

async function settings(page: Page, name: string): Promise<void> {
  await page.getByRole('link', { name: 'Settings', exact: true }).click();
  await page.getByRole('navigation', { name: 'Settings' }).getByRole('link', { name, exact: true }).click();
}

async function addIntegration(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: 'Add integration' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name', { exact: true }).fill(name);
  await dialog.getByLabel('Address').fill('http://prometheus.fjord.example:9090');
  await dialog.getByRole('button', { name: 'Add integration' }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByRole('row', { name: new RegExp(name) })).toBeVisible();
}

async function addTag(page: Page, label: string, tag: string): Promise<void> {
  const field = page.getByRole('dialog').getByLabel(label);
  await field.fill(tag);
  await field.press('Enter');
}
